"""The best arm, with what choosing the best of several does to its certainty.

The best of eleven equal arms looks better than it is. So its mean has an interval that holds for all arms at once,
whichever was chosen; and beside it stand all arms that may be the best (multiple comparisons with the best: Hsu,
Annals of Statistics 9, 1981).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np

from service.statistics.cells import Counted
from service.statistics.maximum import MaxT
from service.statistics.model import Fit
from service.statistics.parts import seed_square
from service.statistics.verdict import Best

COMPARED = 5
"""With how many of the best an arm is compared: where all vary alike the very best would do."""
_AT_ONCE = 64


def best(fit: Fit, *, higher: bool, level: float, leave_out: Collection[str] = ()) -> Best | None:
    """Finds the best arm of a fit.

    Args:
        fit: the fitted model.
        higher: whether higher values are better.
        level: 1 minus the confidence.
        leave_out: arms that are none of the candidates.

    Returns:
        The best arm; None when none is measured.
    """
    sign = -1.0 if higher else 1.0
    means = {arm: mean for arm in fit.arms if arm not in leave_out and (mean := fit.mean(arm)) is not None}
    if not means:
        return None
    order = sorted(means, key=lambda arm: (sign * means[arm], fit.index[arm]))
    low, high = _interval(fit, order[0], means[order[0]], len(means), level)
    worse = _worse(fit, order, sign, level)
    candidates = tuple(arm for arm in order if arm not in worse)
    return Best(order[0], len(fit.seeds_of(order[0])), means[order[0]], low, high, candidates)


def _worse(fit: Fit, arms: Sequence[str], sign: float, level: float) -> set[str]:
    """Returns the arms that are clearly worse than some other: a one-sided test against all others.

    Only the best of them can tell, so only those are compared, the very best first: most arms are worse than it.

    Args:
        fit: the fitted model.
        arms: the arms, the best first.
        sign: 1 where less is better, -1 where more is.
        level: of the test, corrected for all others.
    """
    found: set[str] = set()
    for other in arms[: COMPARED + 1]:
        left = [arm for arm in arms if arm not in found and arm != other]
        for start in range(0, len(left), _AT_ONCE):
            some = left[start : start + _AT_ONCE]
            estimates = fit.contrasts([{arm: 1.0, other: -1.0} for arm in some])
            found |= {
                arm
                for arm, own in zip(some, estimates, strict=True)
                if own is not None and own.t is not None and sign * own.t > 0
                if _equal(len(arms) - 1, 0.5).tail(sign * own.t, own.df, one_sided=True) <= level
            }
    return found


def _interval(fit: Fit, arm: str, mean: float, arms: int, level: float) -> tuple[float | None, float | None]:
    """An interval of an arm's mean over seeds, simultaneous over all arms."""
    from scipy import optimize

    error, between = fit.variances.of(Counted(_own_error(fit, arm)[None]))[0], seed_square(fit)
    if error is None or between is None or error.value <= 0:
        return None, None
    seeds = len(fit.seeds_of(arm))
    variance = error.value + between / seeds
    # what the seeds do to all arms is known from the seeds alone; the errors from all arms
    df = variance**2 / (error.value**2 / error.df + (between / seeds) ** 2 / max(1, len(fit.seeds) - 1))
    largest = _equal(arms, round(between / seeds / variance, 3))
    critical = float(optimize.brentq(lambda t: largest.tail(t, df) - level, 1e-3, 1e4, xtol=1e-6))
    half = critical * math.sqrt(variance)
    if fit.scale == "log":
        return mean * math.exp(-half), mean * math.exp(half)
    return mean - half, mean + half


def _own_error(fit: Fit, arm: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    own = fit.design.arm_of == fit.index[arm]
    return np.asarray(own / own.sum(), dtype=np.float64)


@lru_cache(maxsize=64)
def _equal(count: int, correlation: float) -> MaxT:
    return MaxT.equal(count, correlation)
