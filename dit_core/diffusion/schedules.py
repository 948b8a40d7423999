"""How the noise of a Gaussian process grows, by name. To add one: a function and a line in ``dit_core.parts``.

All are float64, as in the papers' code; diffusers has the same four in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dit_core.diffusion.config import DiffusionConfig

NoiseSchedule = Callable[[DiffusionConfig], Tensor]
"""Returns the (T,) float64 betas of the full process, each above 0 and below 1."""

MAX_BETA = 0.999
"""Where the cosine schedule is cut off, so that its last step leaves some signal (iDDPM, section 3.2)."""


def linear(config: DiffusionConfig) -> Tensor:
    """Betas rise linearly (Ho et al., DDPM, arXiv 2006.11239, section 4)."""
    return torch.linspace(config.beta_start, config.beta_end, config.num_timesteps, dtype=torch.float64)


def scaled_linear(config: DiffusionConfig) -> Tensor:
    """The betas' square roots rise linearly (the released code of Rombach et al., arXiv 2112.10752)."""
    low, high = math.sqrt(config.beta_start), math.sqrt(config.beta_end)
    return torch.linspace(low, high, config.num_timesteps, dtype=torch.float64).square()


def cosine(config: DiffusionConfig) -> Tensor:
    """The share of signal falls as a squared cosine (Nichol & Dhariwal, iDDPM, arXiv 2102.09672, eq. 17).

    ``beta_start`` and ``beta_end`` play no part.
    """
    time = torch.arange(config.num_timesteps + 1, dtype=torch.float64) / config.num_timesteps
    kept = torch.cos((time + 0.008) / 1.008 * math.pi / 2).square()
    return (1 - kept[1:] / kept[:-1]).clamp(max=MAX_BETA)


def sigmoid(config: DiffusionConfig) -> Tensor:
    """Betas rise along a sigmoid from -6 to 6 (the released code of Xu et al., GeoDiff, arXiv 2203.02923)."""
    rise = torch.linspace(-6, 6, config.num_timesteps, dtype=torch.float64).sigmoid()
    return config.beta_start + (config.beta_end - config.beta_start) * rise
