"""What a study will be able to resolve, before its first trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from service.statistics.maximum import max_t
from service.statistics.power import POWER, detectable_effect
from service.statistics.simultaneous import LEVEL, planned_correlation


def smallest_differences(
    contrasts: Sequence[Mapping[str, float]], seeds: int, *, trainings: int, level: float = LEVEL, wanted: float = POWER
) -> tuple[float, ...] | None:
    """Returns the smallest true difference of each contrast that a study will find, with every arm measured.

    It is that of the very test that the report will show, see ``simultaneous.py``, where all arms vary alike.

    Args:
        contrasts: all contrasts of the family, arm -> weight.
        seeds: seeds of every arm.
        trainings: arms that are trained for themselves, the baseline among them.
        level: family-wise level.
        wanted: power.

    Returns:
        One per contrast, in standard deviations of one measurement (of its logarithm on a positive metric: times a
        spread of 0.04 it is the share of the reference, nearly). None where there is no degree of freedom: with one
        seed, or one arm.
    """
    from scipy import optimize

    df = (trainings - 1) * (seeds - 1)
    if df < 1 or not contrasts:
        return None
    largest = max_t(planned_correlation(contrasts))
    critical = float(optimize.brentq(lambda t: largest.tail(t, df) - level, 1e-3, 1e6, xtol=1e-6))
    effect = detectable_effect(critical, df, wanted)
    return tuple(effect * float(np.sqrt(sum(w**2 for w in own.values()) / seeds)) for own in contrasts)
