"""What a sampler is."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Predict = Callable[[Tensor, float], Tensor]
"""``(x_NCHW, training time) -> (N, C or 2C, H, W)`` float32, guided and conditioned on the labels.

The time is a whole training step of a Gaussian process, or a time in [0, 1] of a flow.
"""

StepNoise = Callable[[int], Tensor]
"""Step index, ``steps - 1`` down to 1 -> (N, C, H, W) standard normal on the device of the images."""

Sampler = Callable[..., Tensor]
"""``(predict, process, x, steps, step_noise) -> x``: a way from noise to images.

x is (N, C, H, W) float32, standard normal at first. A sampler calls ``predict`` exactly ``steps`` times, so that
samplers are compared at equal cost.
"""
