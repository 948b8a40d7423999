"""What evaluation itself adds to the noise, where a study evaluates the same weights with several evaluation seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping

from dit_core.config import TrialConfig
from search_spaces.types import Expansion
from service.statistics.measurements import Scale


def evaluation_square(expansion: Expansion, values: Mapping[str, Mapping[int, float]], scale: Scale) -> float | None:
    """Returns the variance between evaluations of the same weights; None where no weights were evaluated twice.

    Args:
        expansion: the study.
        values: arm -> seed -> the metric, at the budget.
        scale: of the study's model.
    """
    alike: dict[str, list[str]] = {}
    for arm in expansion.arms:
        alike.setdefault(_with_first_seed(arm.config).model_dump_json(), []).append(arm.name)
    repeats = [
        [values[arm][seed] for arm in arms if seed in values.get(arm, {}) and math.isfinite(values[arm][seed])]
        for arms in alike.values()
        if len(arms) > 1
        for seed in expansion.study.seeds
    ]
    if all(len(own) < 2 for own in repeats):
        return None
    from service.statistics.parts import repeat_square  # NumPy

    return repeat_square(repeats, scale)


def _with_first_seed(config: TrialConfig) -> TrialConfig:
    return config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"seed": 0})})
