"""Budget and rungs are counted in images and must fall on whole optimiser steps."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dit_core.errors import UserError
from search_spaces.study import Study
from search_spaces.types import Arm


def check_schedule(study: Study, arms: Iterable[Arm]) -> None:
    """Checks the budget and the rungs of a study against the batch size of every arm.

    Raises:
        UserError: the count, the batch size and the nearest counts that fit every arm.
    """
    batches: dict[int, str] = {}
    for arm in arms:
        batches.setdefault(arm.config.training.batch_size, "" if arm.is_baseline else f" of arm {arm.name!r}")
    common = math.lcm(*batches)
    counted = [("budget_images", study.budget_images), *(("rungs", rung) for rung in study.rungs)]
    counted += [("tune.images", study.tune.rung(study))] if study.tune is not None else []
    for batch, owner in batches.items():
        if study.budget_images < batch:
            raise UserError(f"budget_images: {study.budget_images} is below one batch{owner}, {batch}")
        for field, images in counted:
            if images % batch:
                below = images // common * common
                fits = f"{below} or {below + common}" if below else str(common)
                raise UserError(
                    f"{field}: {images} is not a multiple of the batch size{owner}, {batch}; nearest that fits: {fits}"
                )
