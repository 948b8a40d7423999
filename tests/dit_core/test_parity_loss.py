"""The training loss against a plain restatement of the papers' equations, in float64 and with torch.distributions."""

from __future__ import annotations

import math

import pytest
import torch
from random_weights import batch, random_dit, small
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.gaussian import Diffusion


def likelihood_of_bins(x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Log p of an 8-bit value in [-1, 1], DDPM equation 13; the outer bins reach to infinity.

    The distribution function is the tanh approximation that the released code uses.
    """

    def cdf(edge: Tensor) -> Tensor:
        z = (edge - mean) / scale
        return (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))) / 2

    upper = torch.where(x > 0.999, torch.ones_like(x), cdf(x + 1 / 255))
    lower = torch.where(x < -0.999, torch.zeros_like(x), cdf(x - 1 / 255))
    return (upper - lower).clamp(min=1e-12).log()


def restated(output: Tensor, x0: Tensor, noise: Tensor, t: int, betas: Tensor) -> tuple[Tensor, Tensor]:
    """L_simple and L_vlb of one image at one timestep (iDDPM equations 4 to 16), all in float64.

    Args:
        output: (2C, H, W).
        x0: (C, H, W).
        noise: (C, H, W).
        t: the timestep, 0 the least noisy.
        betas: (T,).
    """
    output, x0, noise = output.double(), x0.double(), noise.double()
    predicted, v = output.chunk(2)
    kept = torch.cumprod(1 - betas, 0)
    bar, before = kept[t], kept[t - 1] if t else torch.ones((), dtype=torch.float64)
    beta, alpha = betas[t], 1 - betas[t]
    xt = bar.sqrt() * x0 + (1 - bar).sqrt() * noise

    def posterior_mean(start: Tensor) -> Tensor:
        return (before.sqrt() * beta * start + alpha.sqrt() * (1 - before) * xt) / (1 - bar)

    small_variance = (1 - before) / (1 - bar) * beta
    if t == 0:  # the posterior of the last step is a point: its variance is that of the step before
        small_variance = (1 - kept[0]) / (1 - kept[1]) * betas[1]
    share = (v + 1) / 2
    log_variance = share * beta.log() + (1 - share) * small_variance.log()
    mean = posterior_mean((xt - (1 - bar).sqrt() * predicted) / bar.sqrt())
    scale = (log_variance / 2).exp()
    if t == 0:
        bound = -likelihood_of_bins(x0, mean, scale)
    else:
        true = Normal(posterior_mean(x0), small_variance.sqrt().expand_as(x0))
        bound = kl_divergence(true, Normal(mean, scale))
    return (noise - predicted).square().mean(), bound.mean() / math.log(2)


@pytest.mark.parametrize("t", [0, 1, 2, 17, 250, 700, 999])
def test_both_terms_are_the_papers(t: int) -> None:
    config, diffusion = small(), Diffusion(DiffusionConfig())
    model = random_dit(config, decoder_gain=0.7)
    x0, _, y = batch(config, count=3)
    x0[0] = x0[0].clamp(-1, 1)  # an image with values in the outermost bins as well
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(5))
    steps = torch.full((3,), t)
    xt = diffusion.q_sample(x0, steps, noise)
    with torch.no_grad():
        output = model(xt, steps, y)
    if t == 0:  # a difference of two shares near 1 keeps few digits of float32: the formula is compared in float64
        output, x0, xt, noise = output.double(), x0.double(), xt.double(), noise.double()
    mse, vb = diffusion.losses(output, x0, xt, steps, noise)
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    for index in range(3):
        simple, bound = restated(output[index], x0[index], noise[index], t, betas)
        assert simple > 0.1 and bound.abs() > 1e-6
        assert mse[index].item() == pytest.approx(simple.item(), rel=1e-5, abs=1e-5)
        assert vb[index].item() == pytest.approx(bound.item(), rel=1e-5, abs=1e-5)


def test_the_bound_moves_the_variance_only() -> None:
    diffusion = Diffusion(DiffusionConfig())
    generator = torch.Generator().manual_seed(3)
    x0, noise = (torch.randn((2, 4, 8, 8), generator=generator) for _ in range(2))
    t = torch.tensor([0, 500])
    output = torch.randn((2, 8, 8, 8), generator=generator).requires_grad_()
    _, vb = diffusion.losses(output, x0, diffusion.q_sample(x0, t, noise), t, noise)
    (gradient,) = torch.autograd.grad(vb.sum(), output)
    assert gradient[:, :4].abs().max() == 0
    assert (gradient[:, 4:].abs().amax(dim=(1, 2, 3)) > 0).all(), "it reaches the variance at both timesteps"
