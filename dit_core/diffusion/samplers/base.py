"""What a sampler is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Predict = Callable[[Tensor, float], Tensor]
"""``(x_NCHW, training time) -> (N, C or 2C, H, W)`` float32, guided and conditioned on the labels.

The time is a whole training step of a Gaussian process, or a time in [0, 1] of a flow.
"""

StepNoise = Callable[[int], Tensor]
"""Step index, ``steps - 1`` down to 1 -> (N, C, H, W) standard normal on the device of the images."""


@dataclass(frozen=True)
class Sampler:
    """A way from noise to images.

    Attributes:
        run: ``(predict, process, x, steps, step_noise) -> x``; x is (N, C, H, W) float32, standard normal at first.
            It calls ``predict`` exactly ``steps`` times, so samplers are compared at equal cost.
        process: the process it samples, ``gaussian`` or ``flow``.
        least: fewest steps it can take.
        spares: how many of a Gaussian process's steps it leaves out at least.
    """

    run: Callable[..., Tensor]
    process: str
    least: int = 1
    spares: int = 0

    def most(self, num_timesteps: int) -> int | None:
        """Returns the most steps it can take, or None where time is continuous."""
        return num_timesteps - self.spares if self.process == "gaussian" else None
