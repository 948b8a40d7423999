"""One procedure for all contrasts of a family: single-step max-t (Dunnett 1955; Hothorn, Bretz & Westfall 2008).

Every contrast is judged by the distribution of the largest t value of its family, whatever the contrasts are and
however they overlap: arms against the baseline, ladder steps, arms against controls, interactions. Intervals and p
values are of one piece: a corrected p is below the level exactly where the simultaneous interval leaves out zero.

Contrasts whose variance was estimated apart from the pooled one (``Estimate.stratum``) have other degrees of freedom
and another denominator. Between such strata the levels are added up, as Bonferroni's inequality allows; all contrasts
are then judged at one uncorrected p.

A contrast that the study asks and has not measured (its arm was stopped, say) is counted as if it had been measured
with the same seeds as all others: a family is what was asked, not what came out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from service.statistics.cells import Array
from service.statistics.maximum import MaxT, max_t
from service.statistics.model import Estimate, Fit, Joint
from service.statistics.variance import POOLED

LEVEL = 0.05
"""Family-wise level, and 1 minus the simultaneous confidence."""


@dataclass(frozen=True, eq=False)
class Stratum:
    """Contrasts with one variance estimate in common.

    Attributes:
        members: their places among the contrasts; those that are only counted have no estimate.
        df: degrees of freedom.
        largest: the distribution of the largest of their t values.
    """

    members: tuple[int, ...]
    df: float
    largest: MaxT


@dataclass(frozen=True, eq=False)
class Family:
    """Contrasts that are corrected together. Make it with ``family``.

    Attributes:
        joint: their estimates.
        strata: what can be tested.
        level: family-wise level.
    """

    joint: Joint
    strata: tuple[Stratum, ...]
    level: float
    _thresholds: dict[tuple[bool, tuple[float, ...]], float] = field(default_factory=dict, init=False, repr=False)

    def p(self, index: int) -> float | None:
        """Returns the corrected two-sided p of a contrast; None without a standard error."""
        estimate = self.joint.estimates[index]
        stratum = self.stratum(index)
        if estimate is None or estimate.t is None or stratum is None:
            return None
        return self._corrected(_uncorrected(abs(estimate.t), stratum.df, one_sided=False), one_sided=False)

    def critical(self, index: int, *, one_sided: bool = False, df: Mapping[int, float] | None = None) -> float | None:
        """Returns the t value beyond which a contrast is clear at the family's level.

        Args:
            index: the contrast.
            one_sided: for the largest value itself, not its size: what equivalence is tested with.
            df: degrees of freedom of each stratum, by its place, instead of those it has: of a study with more seeds.
        """
        place = self._stratum_of.get(index)
        if place is None:
            return None
        dfs = tuple((df or {}).get(number, own.df) for number, own in enumerate(self.strata))
        return _t(self._threshold(one_sided, dfs), dfs[place], one_sided=one_sided)

    def stratum(self, index: int) -> Stratum | None:
        """Returns the stratum of a contrast that can be tested, else None."""
        place = self._stratum_of.get(index)
        return None if place is None else self.strata[place]

    @cached_property
    def _stratum_of(self) -> Mapping[int, int]:
        """A contrast's place -> that of its stratum; looked for one after the other, large families took seconds."""
        return {member: place for place, own in enumerate(self.strata) for member in own.members}

    def _corrected(self, p: float, *, one_sided: bool, dfs: Sequence[float] | None = None) -> float:
        """The chance that any contrast of the family has an uncorrected p as small as this one by luck."""
        dfs = dfs or [own.df for own in self.strata]
        chances = (
            own.largest.tail(_t(p, df, one_sided=one_sided), df, one_sided=one_sided)
            for own, df in zip(self.strata, dfs, strict=True)
        )
        return min(1.0, math.fsum(chances))

    def _threshold(self, one_sided: bool, dfs: tuple[float, ...]) -> float:
        """The uncorrected p whose corrected one is the level."""
        key = (one_sided, dfs)
        if key not in self._thresholds:
            from scipy import optimize

            count = sum(len(own.members) for own in self.strata)
            low, high = math.log(self.level / (2 * count)), math.log(self.level)

            def excess(logarithm: float) -> float:
                return self._corrected(math.exp(logarithm), one_sided=one_sided, dfs=dfs) - self.level

            if excess(high) <= 0:  # one contrast: there is nothing to correct
                self._thresholds[key] = self.level
            else:
                self._thresholds[key] = math.exp(float(optimize.brentq(excess, low, high, xtol=1e-7)))
        return self._thresholds[key]


def family(fit: Fit, contrasts: Sequence[Mapping[str, float]], level: float = LEVEL) -> Family:
    """Estimates contrasts and prepares their simultaneous correction.

    Args:
        fit: the fitted model.
        contrasts: all contrasts of the family, arm -> weight, measured or not. An arm that the fit does not know
            counts as one that was not measured.
        level: family-wise level.
    """
    known = [index for index, weights in enumerate(contrasts) if weights.keys() <= fit.index.keys()]
    found = fit.joint([contrasts[index] for index in known])
    estimates: list[Estimate | None] = [None] * len(contrasts)
    for place, index in enumerate(known):
        estimates[index] = found.estimates[place]
    groups: dict[object, list[int]] = {}
    for index, estimate in enumerate(estimates):
        if estimate is not None and estimate.standard_error is not None:
            # what one kind of variance accounts for has equal degrees of freedom; a sum of several stands alone
            single = estimate.stratum in {component.name for component in fit.variances.components}
            groups.setdefault(estimate.stratum if single else index, []).append(index)
    correlation = np.eye(len(contrasts))
    correlation[np.ix_(known, known)] = found.correlation
    missing = [index for index, estimate in enumerate(estimates) if estimate is None]
    if missing and groups:
        groups[_largest(groups)] += missing
        correlation = planned_correlation(contrasts)
    strata = []
    for members in groups.values():
        df = next(own.df for index in members if (own := estimates[index]) is not None)
        strata.append(Stratum(tuple(members), df, max_t(correlation[np.ix_(members, members)])))
    return Family(Joint(tuple(estimates), correlation), tuple(strata), level)


def planned_correlation(contrasts: Sequence[Mapping[str, float]]) -> Array:
    """Returns the correlation of contrasts when every arm has the same seeds and varies alike."""
    arms = sorted({arm for weights in contrasts for arm in weights})
    rows = np.array([[weights.get(arm, 0.0) for arm in arms] for weights in contrasts], dtype=np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows @ rows.T)


def _largest(groups: Mapping[object, Sequence[int]]) -> object:
    return POOLED if POOLED in groups else max(groups, key=lambda key: len(groups[key]))


def _uncorrected(t: float, df: float, *, one_sided: bool) -> float:
    from scipy import special

    return float(special.stdtr(df, -t)) * (1 if one_sided else 2)


def _t(p: float, df: float, *, one_sided: bool) -> float:
    from scipy import special

    return -float(special.stdtrit(df, p if one_sided else p / 2))
