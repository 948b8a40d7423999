"""The learning rate as a function of the images seen, so that a resumed trial continues where it was."""

from __future__ import annotations

from dit_core.training.config import TrainingConfig


def learning_rate(config: TrainingConfig, images: int) -> float:
    """Returns the learning rate of the step that brings the images seen to ``images``.

    It rises linearly and reaches its full value at ``config.warmup_images`` (Goyal et al., arXiv 1706.02677, section
    2.2); then it is constant.
    """
    if images >= config.warmup_images:
        return config.learning_rate
    return config.learning_rate * images / config.warmup_images
