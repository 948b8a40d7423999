"""How the squared error is weighted over the noise levels, by name. To add one: a function, a line in ``parts.py``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dit_core.diffusion.config import DiffusionConfig

Weighting = Callable[[DiffusionConfig, Tensor, Tensor], Tensor]
"""(config, signal-to-noise ratio, squared error of x_0 per squared error of the output) -> weight, all (S,)."""


def none(config: DiffusionConfig, snr: Tensor, x0_error: Tensor) -> Tensor:
    """Every noise level counts the same, in the units of what the network predicts."""
    return torch.ones_like(snr)


def min_snr(config: DiffusionConfig, snr: Tensor, x0_error: Tensor) -> Tensor:
    """The error of x_0 counts min(SNR, gamma) (Min-SNR-gamma; Hang et al., arXiv 2303.09556, section 3.4).

    In the output's units that is min(SNR, gamma) for x0, min(SNR, gamma) / SNR for noise and min(SNR, gamma) /
    (SNR + 1) for v, as in the paper. The same rule gives min(SNR, gamma) * t^2 for flow, which the paper has not.
    """
    return snr.clamp(max=config.min_snr_gamma) * x0_error
