"""How much the errors vary: one variance for all arms where a check allows it, more where not.

Three kinds of variance, each estimated from sums of squares of residuals:

- pooled: over all arms that vary alike, ``(arms - 1) (seeds - 1)`` degrees of freedom when no value is missing;
- an arm's own, for one that varies more than the others by ``spread_check``: the residuals that it adds to the pool's,
  less what the pool's variance accounts for (as in Shukla, Heredity 29, 1972);
- within a training, for arms that evaluate the same weights: what they differ by is not training noise.

A contrast's variance is a sum of these; its degrees of freedom are Satterthwaite's (Biometrics Bulletin 2, 1946), exact
where one kind is all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.statistics.design import Array, Design
from service.statistics.spread_check import outlying

NO_VARIANCE = 1e-24
"""A variance below this share of the values' squared size is rounding, not noise."""
POOLED, WITHIN = "pooled", "within a training"


@dataclass(frozen=True)
class ContrastVariance:
    """The variance of an estimated contrast.

    Attributes:
        value: the variance.
        df: its degrees of freedom.
        stratum: what it was estimated from; see ``Estimate.stratum``.
    """

    value: float
    df: float
    stratum: str


@dataclass(frozen=True, eq=False)
class Component:
    """One kind of variance.

    Attributes:
        name: ``POOLED``, ``WITHIN`` or the name of the arm whose own it is.
        square: the mean square that estimates it, together with ``pool_share``.
        df: degrees of freedom of that mean square.
        arms: degrees of freedom that one more seed of every arm adds.
        pool_share: how much of the pooled variance that mean square contains; 0 but for an arm's own.
        shape: what the covariance of all measurements is for a variance of 1, (n, n).
    """

    name: str
    square: float
    df: int
    arms: int
    pool_share: float
    shape: Array


@dataclass(frozen=True, eq=False)
class Variances:
    """The variance estimates of a fit.

    Attributes:
        components: the pooled variance first, unless there are no degrees of freedom for it.
        apart: arms that vary more than the others and have a variance of their own.
        check_p: p of the check that all arms vary alike, None where it cannot be made (fewer than three arms
            with two seeds).
        measurements: how many measurements there are.
    """

    components: tuple[Component, ...]
    apart: tuple[str, ...]
    check_p: float | None
    measurements: int

    @property
    def pooled(self) -> float | None:
        """The pooled variance of one measurement; None without degrees of freedom."""
        return self.components[0].square if self.components else None

    @property
    def df(self) -> int:
        """Degrees of freedom of the pooled variance."""
        return self.components[0].df if self.components else 0

    def of(self, counted: Array) -> ContrastVariance | None:
        """Returns the variance of ``counted @ y``, None without degrees of freedom.

        Args:
            counted: how much each measurement counts in the contrast, (n,).
        """
        size = float(counted @ counted)
        shares = {c.name: float(counted @ c.shape @ counted) for c in self.components}
        used = [c for c in self.components if abs(shares[c.name]) > 1e-9 * size]
        if not used:
            return None
        # every own variance takes out the pool's part of its mean square
        terms = {c.name: shares[c.name] for c in used}
        for component in used:
            if component.pool_share:
                terms[POOLED] = terms.get(POOLED, 0.0) - shares[component.name] * component.pool_share
        parts = [(max(0.0, terms[c.name]) * c.square, c.df) for c in self.components if c.name in terms]
        value = sum(part for part, _ in parts)
        spread = sum(part**2 / df for part, df in parts if df)
        df = float(parts[0][1]) if len(parts) == 1 or spread == 0 else value**2 / spread
        return ContrastVariance(value, df, " + ".join(c.name for c in used))

    def covariance(self, *, relative: bool = False) -> Array:
        """Returns the estimated covariance of all measurements, (n, n); of equal ones where there is no estimate.

        Args:
            relative: with one kind of variance its size is left out, which keeps correlations exact.
        """
        if not self.components:
            return np.eye(self.measurements)
        if relative and len(self.components) == 1:
            return self.components[0].shape
        pool = self.components[0]
        total = pool.square * pool.shape
        for component in self.components[1:]:
            own = max(component.square - component.pool_share * pool.square, 0.0)
            total = total + (own or pool.square) * component.shape
        return total


def variances(design: Design, y: Array, arms: Sequence[str], training: Sequence[int]) -> Variances:
    """Estimates the variances of a fit.

    Args:
        design: who was measured with which seed.
        y: the measurements, in its order.
        arms: names.
        training: for each arm, the index of the arm that stands for its training: its own, unless it evaluates
            another arm's weights.
    """
    present = [int(arm) for arm in np.unique(design.arm_of)]
    stands_for: dict[int, int] = {}
    for arm in present:
        stands_for.setdefault(training[arm], arm)
    trained = sorted(stands_for.values())
    check = outlying(design, y, trained)
    alike = [arm for arm in trained if arm not in check.arms]
    pool = [arm for arm in trained if arm not in check.excluded]
    residual = design.residual_of(pool)
    df = round(float(np.trace(residual)))
    if df < 1:
        return Variances((), (), None, len(y))
    of_row = np.array([stands_for[training[arm]] for arm in design.arm_of])
    together = (of_row[:, None] == of_row[None, :]) & (design.seed_of[:, None] == design.seed_of[None, :])
    shape = (together & np.isin(of_row, alike)[:, None]).astype(float)
    components = [Component(POOLED, _square(residual, y) / df, df, len(pool) - 1, 0.0, shape)]
    without = design.residual_of(alike)
    for arm in check.arms:
        with_arm = design.residual_of([*alike, arm])
        added = with_arm - without
        own = (together & (of_row == arm)[:, None]).astype(float)
        load, own_df = float(np.sum(added * own)), round(float(np.trace(added)))
        square = max(0.0, _square(with_arm, y) - _square(without, y)) / load
        components.append(Component(arms[arm], square, own_df, 1, float(np.sum(added * shape)) / load, own))
    same = design.arm_of[:, None] == design.arm_of[None, :]
    within = _within(design, y, of_row, -(together & ~same).astype(float))
    return Variances((*components, *within), tuple(arms[arm] for arm in check.arms), check.p, len(y))


def _within(design: Design, y: Array, of_row: Array, shape: Array) -> list[Component]:
    """The variance between arms that evaluate the same weights, if there are any with two seeds."""
    groups = [{int(arm) for arm in design.arm_of[of_row == training]} for training in np.unique(of_row)]
    residuals = [design.residual_of(own) for own in groups if len(own) > 1]
    df = round(sum(float(np.trace(residual)) for residual in residuals))
    if df < 1:
        return []
    square = sum(_square(residual, y) for residual in residuals) / df
    return [Component(WITHIN, square, df, sum(len(own) - 1 for own in groups), 0.0, shape)]


def _square(residual: Array, y: Array) -> float:
    """The sum of squares that a projection leaves; in this order, so that rounding stays below any variance."""
    left = residual @ y
    return float(left @ left)
