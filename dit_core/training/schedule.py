"""The learning rate as a function of the images seen, so that a resumed trial continues where it was.

To add a schedule: a function below, and one line in ``dit_core.parts``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from dit_core.errors import UserError
from dit_core.parts import LEARNING_RATE_SCHEDULES

if TYPE_CHECKING:
    from dit_core.training.config import TrainingConfig

Schedule = Callable[[float], float]
"""Share of the way from the end of the warm-up to ``training.decay_images``, in [0, 1] -> share of the full rate."""


def learning_rate(config: TrainingConfig, images: int) -> float:
    """Returns the learning rate of the step that brings the images seen to ``images``.

    It rises linearly and reaches its full value at ``config.warmup_images`` (Goyal et al., arXiv 1706.02677, section
    2.2). From there it falls with the images seen before the step, as the schedules of transformers do, so that the
    step that ends at ``config.decay_images`` still learns something; later ones do not.
    """
    if images < config.warmup_images:
        return config.learning_rate * images / config.warmup_images
    if config.learning_rate_schedule == "constant":
        return config.learning_rate
    before, length = images - config.batch_size - config.warmup_images, config.decay_images - config.warmup_images
    schedule = LEARNING_RATE_SCHEDULES.get(config.learning_rate_schedule, "training.learning_rate_schedule")
    return config.learning_rate * schedule(min(1.0, max(0.0, before / length)))


def constant(progress: float) -> float:
    """Stays as it is (Peebles & Xie, arXiv 2212.09748, section 4)."""
    return 1.0


def linear(progress: float) -> float:
    """Falls linearly to zero (Devlin et al., BERT, arXiv 1810.04805, appendix A.2)."""
    return 1 - progress


def cosine(progress: float) -> float:
    """Falls to zero along half a cosine (Loshchilov & Hutter, SGDR, arXiv 1608.03983, eq. 5, without restarts)."""
    return (1 + math.cos(math.pi * progress)) / 2


def check_learning_rate(config: TrainingConfig) -> None:
    """Makes sure that a schedule that falls knows where it ends, and no other does.

    Raises:
        UserError: it does not.
    """
    name, end = config.learning_rate_schedule, config.decay_images
    if name == "constant":
        if end:
            raise UserError(f"training.decay_images: {end} given, but a constant learning rate never falls; allowed: 0")
    elif end <= config.warmup_images:
        raise UserError(
            f"training.decay_images: {end} given, but the learning rate is to fall ({name}) until then from the end of "
            f"its warm-up at {config.warmup_images}; allowed: more than that, usually the budget_images of the study"
        )
