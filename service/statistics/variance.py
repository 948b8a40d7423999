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
from numpy.typing import NDArray

from service.statistics.cells import Array, Cells, Counted
from service.statistics.design import Design
from service.statistics.spread_check import outlying

NO_VARIANCE = 1e-24
"""A variance below this share of the values' squared size is rounding, not noise."""
Part = tuple[Design, NDArray[np.int64]]
"""The design of some arms, and which measurements are theirs."""
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
        cells: the covariance of all measurements for a variance of 1.
    """

    name: str
    square: float
    df: int
    arms: int
    pool_share: float
    cells: Cells


@dataclass(frozen=True, eq=False)
class Variances:
    """The variance estimates of a fit.

    Attributes:
        components: the pooled variance first, unless there are no degrees of freedom for it.
        apart: arms that vary more than the others and have a variance of their own.
        check_p: p of the check that all arms vary alike, None where it cannot be made (fewer than three arms
            with two seeds).
    """

    components: tuple[Component, ...]
    apart: tuple[str, ...]
    check_p: float | None

    @property
    def pooled(self) -> float | None:
        """The pooled variance of one measurement; None without degrees of freedom."""
        return self.components[0].square if self.components else None

    @property
    def df(self) -> int:
        """Degrees of freedom of the pooled variance."""
        return self.components[0].df if self.components else 0

    def of(self, counted: Counted) -> list[ContrastVariance | None]:
        """Returns the variances of contrasts, None for each without degrees of freedom."""
        sizes = np.square(counted.weights).sum(axis=1)
        shares = np.array([component.cells.variances(counted) for component in self.components])
        if not self.components:
            return [None] * len(counted.weights)
        return [self._of(size, own) for size, own in zip(sizes.tolist(), shares.T.tolist(), strict=True)]

    def _of(self, size: float, found: Sequence[float]) -> ContrastVariance | None:
        """The variance of a contrast, from its variance by each of the components where that is 1."""
        shares = {c.name: share for c, share in zip(self.components, found, strict=True)}
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

    def covariance(self, counted: Counted, *, relative: bool = False) -> Array:
        """Returns the estimated covariance of contrasts; as of equal variances where there is no estimate.

        Args:
            counted: the contrasts.
            relative: with one kind of variance its size is left out, which keeps correlations exact.
        """
        if not self.components:
            return np.asarray(counted.weights @ counted.weights.T)
        if relative and len(self.components) == 1:
            return self.components[0].cells.covariance(counted)
        pool = self.components[0]
        total = pool.square * pool.cells.covariance(counted)
        for component in self.components[1:]:
            own = max(component.square - component.pool_share * pool.square, 0.0)
            total = total + (own or pool.square) * component.cells.covariance(counted)
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
    part, rows = design.only(pool)
    df = part.residual_df
    if df < 1:
        return Variances((), (), None)
    of_row = np.array([stands_for[training[arm]] for arm in design.arm_of])
    together = of_row * design.seeds + design.seed_of
    shared = Cells(together if len(alike) == len(trained) else np.where(np.isin(of_row, alike), together, -1))
    pooled = Component(POOLED, _square(part, y[rows]) / df, df, len(pool) - 1, 0.0, shared)
    own = [
        _own(
            arms[arm],
            design.only(alike),
            design.only([*alike, arm]),
            y,
            shared,
            Cells(np.where(of_row == arm, together, -1)),
        )
        for arm in check.arms
    ]
    within = _within(design, y, of_row, Cells(together, apart=True))
    return Variances((pooled, *own, *within), tuple(arms[arm] for arm in check.arms), check.p)


def _own(name: str, without: Part, whole: Part, y: Array, shared: Cells, cells: Cells) -> Component:
    """The variance of an arm's own, from what it adds to the residuals of the arms that vary alike.

    Args:
        name: of the arm.
        without: the others, and which measurements are theirs.
        whole: the same with the arm.
        y: all measurements.
        shared: the covariance of the others.
        cells: the arm's own.
    """

    def load(of: Cells) -> float:
        (part, rows), (other, others) = whole, without
        return part.residual_load(of.only(rows)) - other.residual_load(of.only(others))

    own_load, df = load(cells), whole[0].residual_df - without[0].residual_df
    square = max(0.0, _square(whole[0], y[whole[1]]) - _square(without[0], y[without[1]])) / own_load
    return Component(name, square, df, 1, load(shared) / own_load, cells)


def _within(design: Design, y: Array, of_row: NDArray[np.int64], cells: Cells) -> list[Component]:
    """The variance between arms that evaluate the same weights, if there are any with two seeds."""
    groups = [np.unique(design.arm_of[of_row == training]) for training in np.unique(of_row)]
    parts = [design.only(own) for own in groups if len(own) > 1]
    df = sum(part.residual_df for part, _ in parts)
    if df < 1:
        return []
    square = sum(_square(part, y[rows]) for part, rows in parts) / df
    return [Component(WITHIN, square, df, sum(len(own) - 1 for own in groups), 0.0, cells)]


def _square(design: Design, y: Array) -> float:
    """The sum of squares of the residuals."""
    left = design.residuals(y)
    return float(left @ left)
