"""The Gaussian process: forward, posterior, the network's reverse step, and its variational loss.

Shapes: N images, C channels, H and W cells; ``t`` is an int64 tensor (N,) of step indices, 0 the least noisy.
Equations are those of Ho et al. (DDPM, arXiv 2006.11239) and Nichol & Dhariwal (iDDPM, arXiv 2102.09672).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.process import Process
from dit_core.diffusion.respacing import respaced_betas, spaced_timesteps
from dit_core.parts import NOISE_SCHEDULES


class Diffusion(Process):
    """A Gaussian diffusion; coefficients are computed in float64 and used in float32.

    Args:
        config: the process; its ``num_timesteps`` are always the ones the network is conditioned on.
        steps: None for the full process, else a respaced one with that many steps (iDDPM, section 4).

    Attributes:
        timesteps: (S,) int64; the training timestep of each of this process's S steps (0, 1, ... when not respaced).
        betas: (S,) float64; this process's noise variances.
        alphas_cumprod: (S,) float64; the share of signal variance left (DDPM, above eq. 4).

    Raises:
        UserError: ``steps`` is more than ``config.num_timesteps``.
    """

    def __init__(self, config: DiffusionConfig, steps: int | None = None) -> None:
        super().__init__(config)
        full = NOISE_SCHEDULES.get(config.noise_schedule, "diffusion.noise_schedule")(config)
        kept = range(config.num_timesteps) if steps is None else spaced_timesteps(config.num_timesteps, steps)
        self.timesteps = torch.tensor(list(kept))
        self.betas = full if steps is None else respaced_betas(full, self.timesteps)
        self.alphas_cumprod = torch.cumprod(1 - self.betas, 0)
        previous = torch.cat([torch.ones(1, dtype=torch.float64), self.alphas_cumprod[:-1]])
        variance = self.betas * (1 - previous) / (1 - self.alphas_cumprod)  # DDPM eq. 7
        # the posterior variance is 0 at the first step: its logarithm takes the second step's value, as in iDDPM
        clipped = torch.cat([variance[1:2], variance[1:]]) if len(variance) > 1 else self.betas
        columns = {
            **self._coefficients(self.alphas_cumprod.sqrt(), (1 - self.alphas_cumprod).sqrt()),
            "posterior_x0": self.betas * previous.sqrt() / (1 - self.alphas_cumprod),
            "posterior_xt": (1 - previous) * (1 - self.betas).sqrt() / (1 - self.alphas_cumprod),
            "log_variance": clipped.log(),
            "log_beta": self.betas.log(),
        }
        self._columns = {name: index for index, name in enumerate(columns)}
        self._table = torch.stack(list(columns.values()), 1)
        self._tables: dict[torch.device, Tensor] = {}

    def respaced(self, steps: int) -> Diffusion:
        """Returns the process with ``steps`` steps that sampling uses."""
        return Diffusion(self.config, steps)

    def _at(self, t: Tensor, *names: str) -> list[Tensor]:
        table = self._tables.get(t.device)
        if table is None:
            table = self._tables[t.device] = self._table.to(t.device, torch.float32)
        rows = table[t]
        return [rows[:, self._columns[name], None, None, None] for name in names]

    def network_time(self, t: Tensor) -> Tensor:
        """Returns the training steps themselves."""
        return t

    def level(self, time: float) -> float:
        """Returns a training step as a share of the last one."""
        return time / (self.config.num_timesteps - 1)

    def posterior(self, x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and log variance of q(x_{t-1} | x_t, x_0) (DDPM eqs. 6 and 7).

        Returns:
            (N, C, H, W) and (N, 1, 1, 1); at step 0 the log variance is step 1's, since the true one is minus infinity.
        """
        of_x0, of_xt, log_variance = self._at(t, "posterior_x0", "posterior_xt", "log_variance")
        return of_x0 * x0 + of_xt * xt, log_variance

    def p_mean_variance(self, model_output: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and log variance of the network's p(x_{t-1} | x_t); ``x_0`` is not clipped.

        Args:
            model_output: (N, C, H, W) prediction, or (N, 2C, H, W) with a learned range after it, which interpolates
                the log variance between posterior and beta (iDDPM eq. 15).
            xt: (N, C, H, W).
            t: (N,) steps of this process.

        Returns:
            (N, C, H, W) mean, and log variance of that shape; without a learned range it is log beta (DDPM's upper
            choice, section 3.2), shape (N, 1, 1, 1).
        """
        channels = xt.shape[1]
        mean, low = self.posterior(self.predict_x0(xt, t, model_output[:, :channels]), xt, t)
        (high,) = self._at(t, "log_beta")
        if model_output.shape[1] == channels:
            return mean, high
        fraction = (model_output[:, channels:] + 1) / 2
        return mean, low + fraction * (high - low)

    def losses(self, model_output: Tensor, x0: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the two terms of the training loss (iDDPM eq. 16 with lambda = 1); see ``Process.losses``.

        Returns:
            (N,) mean squared error of the prediction, and (N,) variational term at step ``t`` in bits per dimension,
            whose gradient reaches the variance only; zeros when the variance is not learned.
        """
        mse, vb = super().losses(model_output, x0, xt, t, noise)
        channels = x0.shape[1]
        if model_output.shape[1] == channels:
            return mse, vb
        frozen_mean = torch.cat([model_output[:, :channels].detach(), model_output[:, channels:]], 1)
        mean, log_variance = self.p_mean_variance(frozen_mean, xt, t)
        true_mean, true_log_variance = self.posterior(x0, xt, t)
        divergence = gaussian_kl(true_mean, true_log_variance, mean, log_variance)
        likelihood = -discretized_gaussian_log_likelihood(x0, mean, log_variance / 2)
        term = torch.where(t[:, None, None, None] == 0, likelihood, divergence)
        return mse, term.flatten(1).mean(1) / math.log(2)


def gaussian_kl(mean1: Tensor, log_variance1: Tensor, mean2: Tensor, log_variance2: Tensor) -> Tensor:
    """Returns KL(N(mean1, variance1) || N(mean2, variance2)) per element, in nats."""
    ratio = log_variance1 - log_variance2
    return 0.5 * (ratio.exp() - 1 - ratio + (mean1 - mean2).square() * (-log_variance2).exp())


def discretized_gaussian_log_likelihood(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Returns the log-probability, in nats, of ``x`` in its bin of 256 over [-1, 1] (DDPM eq. 13).

    Uses the tanh approximation of the normal distribution function, as the released ADM and DiT code does.
    """
    inverse, centred = (-log_scale).exp(), x - mean
    above = _normal_cdf(inverse * (centred + 1 / 255))
    below = _normal_cdf(inverse * (centred - 1 / 255))
    inside = torch.where(x < -0.999, above, torch.where(x > 0.999, 1 - below, above - below))
    return inside.clamp(min=1e-12).log()


def _normal_cdf(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
