"""Euler's method along the velocity field of a flow, in even steps from noise (1) to data (0)."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from dit_core.diffusion.flow import Flow
from dit_core.diffusion.samplers.base import Predict, StepNoise


def run(predict: Predict, flow: Flow, x: Tensor, steps: int, step_noise: StepNoise) -> Tensor:
    """Follows the velocity from noise to images; see ``Sampler``."""
    for now, following in pairwise(1 - index / steps for index in range(steps + 1)):
        x = x + (following - now) * predict(x, now)
    return x
