"""Heun's method along the velocity field of a flow: every step averages the slopes at both of its ends.

A Heun step evaluates the network twice. ``steps`` counts evaluations, so that samplers are compared at equal cost:
half as many intervals, and the last one is an Euler step when the number is odd (Karras et al., arXiv 2206.00364,
algorithm 1, ends that way too).
"""

from __future__ import annotations

from torch import Tensor

from dit_core.diffusion.flow import Flow
from dit_core.diffusion.samplers.base import Predict, StepNoise


def run(predict: Predict, flow: Flow, x: Tensor, steps: int, step_noise: StepNoise) -> Tensor:
    """Follows the averaged velocity from noise to images; see ``Sampler``."""
    intervals = (steps + 1) // 2
    for index in range(intervals):
        now, following = 1 - index / intervals, 1 - (index + 1) / intervals
        slope = predict(x, now)
        ahead = x + (following - now) * slope
        if 2 * index + 1 == steps:
            return ahead
        x = x + (following - now) * (slope + predict(ahead, following)) / 2
    return x
