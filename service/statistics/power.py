"""What the simultaneous test itself finds: its power, the smallest difference it detects, and what more seeds would do.

All of it is about the test that the report shows, with its correction for the whole family, its variance estimate and
its degrees of freedom. More seeds are seeds of every arm; they add to the degrees of freedom as well as to the
precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from service.statistics.cells import Array
from service.statistics.model import Fit
from service.statistics.simultaneous import Family
from service.statistics.variance import POOLED, WITHIN

POWER = 0.8
MOST_SEEDS = 100
"""More additional seeds than this are no advice."""
_GRID = 2000
_NEAR = 1e-4
"""How far from the smallest difference that is found a difference need not be asked for."""


def power(effect: float, critical: float, df: float) -> float:
    """Returns the chance that a t value leaves (-critical, critical), for a true difference.

    Args:
        effect: the true difference over the true standard error.
        critical: the two-sided critical value.
        df: degrees of freedom of the standard error.
    """
    from scipy import special

    spread = _spread(df)
    beyond = special.ndtr(abs(effect) - critical * spread) + special.ndtr(-abs(effect) - critical * spread)
    return float(beyond.mean())


def equivalence_power(effect: float, margin: float, critical: float, df: float) -> float:
    """Returns the chance that two one-sided tests conclude equivalence, for a true difference.

    Args:
        effect: the true difference over the true standard error.
        margin: the margin over the true standard error.
        critical: the one-sided critical value.
        df: degrees of freedom of the standard error.
    """
    from scipy import special

    room = margin - critical * _spread(df)
    inside = special.ndtr(room - effect) - special.ndtr(-room - effect)
    return float(np.where(room > 0, inside, 0.0).mean())


@lru_cache(maxsize=256)
def detectable_effect(critical: float, df: float, wanted: float = POWER) -> float:
    """Returns the smallest true difference, in standard errors, that is found with the wanted power."""
    from scipy import optimize

    high = 2.0 * (critical + 2.0)
    while power(high, critical, df) < wanted:
        high *= 2.0
    return float(optimize.brentq(lambda effect: power(effect, critical, df) - wanted, 0.0, high, xtol=1e-6))


def _is_found(effect: float, critical: float, df: float) -> bool:
    """Whether a true difference, in standard errors, is found with ``POWER``.

    Power grows with the difference. So it is worked out for differences near the smallest one that is found: many
    contrasts ask with the same critical value.
    """
    least = detectable_effect(critical, df)
    if abs(abs(effect) - least) > _NEAR * (1.0 + least):
        return abs(effect) > least
    return power(effect, critical, df) >= POWER


@dataclass(frozen=True, eq=False)
class MoreSeeds:
    """What a family's contrasts would come to with more seeds of every arm.

    Attributes:
        fit: the fitted model.
        family: the contrasts.
    """

    fit: Fit
    family: Family
    _known: dict[int, Mapping[int, float]] = field(default_factory=dict, init=False, repr=False)

    def settle(self, index: int, margin: float | None = None) -> int | None:
        """Returns how many more seeds settle a contrast with ``POWER``, if its true difference is the estimated one.

        Settled means clear or, with a margin, equivalent.

        Args:
            index: the contrast.
            margin: the equivalence margin on the model's scale.

        Returns:
            1 or more; None where it takes more than ``MOST_SEEDS``, and without a standard error.
        """
        estimate = self.family.joint.estimates[index]
        if estimate is None or estimate.standard_error is None:
            return None

        def settled(more: int) -> bool:
            return self._settles(index, more, margin)

        return _first(settled, MOST_SEEDS)

    def _settles(self, index: int, more: int, margin: float | None) -> bool:
        estimate, own = self.family.joint.estimates[index], self.family.stratum(index)
        if estimate is None or estimate.standard_error is None or own is None:
            return False
        dfs = self._dfs(more)
        df = dfs[self.family.strata.index(own)]
        error = estimate.standard_error * math.sqrt(estimate.seeds / (estimate.seeds + more))
        effect = estimate.difference / error
        critical = self.family.critical(index, df=dfs)
        if critical is None:
            return False
        if _is_found(effect, critical, df):
            return True
        if margin is None:
            return False
        one_sided = self.family.critical(index, one_sided=True, df=dfs)
        if one_sided is None:
            return False
        return equivalence_power(effect, margin / error, one_sided, df) >= POWER

    def _dfs(self, more: int) -> Mapping[int, float]:
        """Degrees of freedom of each stratum, by its place, with more seeds of every arm."""
        if more not in self._known:
            strata = enumerate(self.family.strata)
            self._known[more] = {place: self._df(stratum.df, stratum.members, more) for place, stratum in strata}
        return self._known[more]

    @cached_property
    def _fewest(self) -> Mapping[tuple[int, ...], tuple[int, str]]:
        """The members of each stratum -> the fewest seeds of one of them, and the stratum."""
        found: dict[tuple[int, ...], tuple[int, str]] = {}
        for own in self.family.strata:
            estimates = [one for place in own.members if (one := self.family.joint.estimates[place]) is not None]
            found[own.members] = min(one.seeds for one in estimates), estimates[0].stratum
        return found

    def _df(self, df: float, members: tuple[int, ...], more: int) -> float:
        """Degrees of freedom with more seeds of every arm."""
        seeds, stratum = self._fewest[members]
        for component in self.fit.variances.components:
            if component.name == stratum and stratum in (POOLED, WITHIN):
                return df + more * component.arms
        return df * (seeds + more - 1) / max(1, seeds - 1)


def _first(settled: Callable[[int], bool], most: int) -> int | None:
    """The smallest number from 1 to ``most`` that settles, of which all larger ones do, too."""
    if not settled(most):
        return None
    low, high = 0, 1
    while high < most and not settled(high):
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if settled(middle) else (middle, high)
    return high


@lru_cache(maxsize=256)
def _spread(df: float) -> Array:
    """Equally likely values of an estimated standard error over the true one."""
    from scipy import special

    chances = (np.arange(_GRID) + 0.5) / _GRID
    return np.asarray(np.sqrt(special.chdtri(df, 1.0 - chances) / df))
