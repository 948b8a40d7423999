"""Which noise levels a training batch sees, by name. To add one: a function and a line in ``dit_core.parts``."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from dit_core.diffusion.config import DiffusionConfig
from dit_core.parts import OBJECTIVES, TIMESTEP_SAMPLINGS
from dit_core.runtime.randomness import integers, normal, uniform

STREAM = "timesteps"

TimestepSampling = Callable[[int, int, int], Tensor]
"""(count, seed, step) -> (count,) float32 in [0, 1): 0 is data, 1 is noise."""


def uniform_times(count: int, seed: int, step: int) -> Tensor:
    """Every noise level alike."""
    return uniform(count, seed, STREAM, step)


def logit_normal_times(count: int, seed: int, step: int) -> Tensor:
    """The sigmoid of a standard normal: mostly middle noise levels (Esser et al., arXiv 2403.03206, section 3.1)."""
    return normal(count, seed, STREAM, step).sigmoid()


def draw_times(config: DiffusionConfig, count: int, seed: int, step: int) -> Tensor:
    """Returns the times of one global batch, a function of (seed, step) alone.

    Returns:
        (count,): int64 steps 0 .. T - 1 of a Gaussian process, or float32 times in [0, 1) of a flow.
    """
    continuous = OBJECTIVES.about(config.objective).process == "flow"
    if config.timestep_sampling == "uniform" and not continuous:
        return integers(count, config.num_timesteps, seed, STREAM, step)
    fraction = TIMESTEP_SAMPLINGS.get(config.timestep_sampling)(count, seed, step)
    return fraction if continuous else (fraction * config.num_timesteps).long().clamp(max=config.num_timesteps - 1)
