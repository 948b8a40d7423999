"""The noise process, its loss and ancestral sampling, written plainly with float64 tables in NumPy.

Equations are those of Ho et al. (DDPM, arXiv 2006.11239) and Nichol & Dhariwal (iDDPM, arXiv 2102.09672). As in the
released ADM code, every coefficient is copied to the device and picked there each time it is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


class PlainDiffusion:
    """A Gaussian diffusion.

    Args:
        betas: (T,) float64 noise variances.
        timesteps: (T,) what the network is told at each step; None is 0, 1, ...
    """

    def __init__(self, betas: np.ndarray, timesteps: np.ndarray | None = None) -> None:
        self.betas = betas
        self.timesteps = np.arange(len(betas)) if timesteps is None else timesteps
        self.kept = np.cumprod(1 - betas)
        before = np.append(1.0, self.kept[:-1])
        variance = betas * (1 - before) / (1 - self.kept)
        self.log_variance = np.log(np.append(variance[1], variance[1:]))
        self.of_x0 = betas * np.sqrt(before) / (1 - self.kept)
        self.of_xt = (1 - before) * np.sqrt(1 - betas) / (1 - self.kept)

    def respaced(self, steps: int) -> PlainDiffusion:
        """Returns the process over ``steps`` evenly spaced timesteps, both ends included."""
        chosen = np.round(np.linspace(0, len(self.betas) - 1, steps)).astype(np.int64)
        kept = self.kept[chosen]
        return PlainDiffusion(1 - kept / np.append(1.0, kept[:-1]), chosen)

    def noised(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Draws x_t (DDPM eq. 4)."""
        return pick(np.sqrt(self.kept), t, x0) * x0 + pick(np.sqrt(1 - self.kept), t, x0) * noise

    def posterior(self, x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and log variance of q(x_{t-1} | x_t, x_0) (DDPM eqs. 6 and 7)."""
        mean = pick(self.of_x0, t, x0) * x0 + pick(self.of_xt, t, xt) * xt
        return mean, pick(self.log_variance, t, x0)

    def reverse(self, output: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and log variance of the network's step (DDPM eq. 4 solved for x_0; iDDPM eq. 15)."""
        noise, fraction = output.chunk(2, dim=1)
        x0 = pick(np.sqrt(1 / self.kept), t, xt) * xt - pick(np.sqrt(1 / self.kept - 1), t, xt) * noise
        mean, low = self.posterior(x0, xt, t)
        high = pick(np.log(self.betas), t, xt)
        fraction = (fraction + 1) / 2
        return mean, fraction * high + (1 - fraction) * low

    def loss(self, output: Tensor, x0: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Returns (N,): squared error of the noise plus the variational term with the mean detached (iDDPM eq. 16)."""
        predicted, fraction = output.chunk(2, dim=1)
        true_mean, true_log = self.posterior(x0, xt, t)
        mean, log = self.reverse(torch.cat([predicted.detach(), fraction], dim=1), xt, t)
        nats = 0.5 * (log - true_log + torch.exp(true_log - log) + (true_mean - mean) ** 2 * torch.exp(-log) - 1)
        likelihood = log_likelihood(x0, mean, 0.5 * log)
        vb = torch.where(t[:, None, None, None] == 0, -likelihood, nats).mean(dim=(1, 2, 3)) / math.log(2)
        return ((noise - predicted) ** 2).mean(dim=(1, 2, 3)) + vb

    def sample(
        self, predict: Callable[[Tensor, Tensor], Tensor], x: Tensor, randn_like: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Draws images by ancestral sampling (DDPM algorithm 2).

        Args:
            predict: (x_t, the network's timesteps) -> noise and the variance's interpolation.
            x: standard normal start, (N, C, H, W).
            randn_like: draws the noise of a step.
        """
        for index in reversed(range(len(self.betas))):
            t = torch.full((len(x),), index, device=x.device)
            told = torch.from_numpy(self.timesteps).to(x.device)[t]
            mean, log = self.reverse(predict(x, told).float(), x, t)
            nonzero = (t != 0).float()[:, None, None, None]
            x = mean + nonzero * torch.exp(0.5 * log) * randn_like(x)
        return x


def linear_betas(steps: int, start: float, end: float) -> np.ndarray:
    """Returns the linear schedule, float64."""
    return np.linspace(start, end, steps, dtype=np.float64)


def pick(table: np.ndarray, t: Tensor, like: Tensor) -> Tensor:
    """Returns the table's values at ``t`` in the shape of ``like``, float32."""
    values = torch.from_numpy(table).to(t.device)[t].float()
    return values[:, None, None, None].expand(like.shape)


def log_likelihood(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Returns the log-probability, in nats, of ``x`` in its bin of 256 over [-1, 1] (DDPM eq. 13)."""
    upper = normal_cdf(torch.exp(-log_scale) * (x - mean + 1 / 255))
    lower = normal_cdf(torch.exp(-log_scale) * (x - mean - 1 / 255))
    inside = torch.log((upper - lower).clamp(min=1e-12))
    first, last = torch.log(upper.clamp(min=1e-12)), torch.log((1 - lower).clamp(min=1e-12))
    return torch.where(x < -0.999, first, torch.where(x > 0.999, last, inside))


def normal_cdf(x: Tensor) -> Tensor:
    """Returns the tanh approximation of the normal distribution function."""
    return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
