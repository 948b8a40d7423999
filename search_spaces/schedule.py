"""Budget, rungs and checkpoints are counted in images and must fall on whole optimiser steps."""

from __future__ import annotations

from collections.abc import Iterable

from dit_core.errors import UserError
from search_spaces.study import Study
from search_spaces.types import Arm


def check_schedule(study: Study, arms: Iterable[Arm]) -> None:
    """Checks every image count of a study against the batch size of every arm.

    Raises:
        UserError: the count, the batch size and the nearest counts that fit.
    """
    batches: dict[int, str] = {}
    for arm in arms:
        batches.setdefault(arm.config.training.batch_size, "" if arm.is_baseline else f" of arm {arm.name!r}")
    for batch, owner in batches.items():
        if study.budget_images < batch:
            raise UserError(f"budget_images: {study.budget_images} is below one batch{owner}, {batch}")
        _multiple("budget_images", study.budget_images, batch, owner)
        for rung in study.rungs:
            _multiple("rungs", rung, batch, owner)
        if study.checkpoint_images is not None:
            _multiple("checkpoint_images", study.checkpoint_images, batch, owner)


def _multiple(field: str, images: int, batch: int, owner: str) -> None:
    below = images // batch * batch
    if images != below:
        nearest = f"{below} or {below + batch}" if below else str(batch)
        raise UserError(f"{field}: {images} is not a multiple of the batch size{owner}, {batch}; nearest: {nearest}")
