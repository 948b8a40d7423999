"""Whether all arms vary alike: the check that allows one pooled variance.

For each arm the mean square of its residuals, over the mean square of all (Cochran's C where nothing is missing:
Annals of Eugenics 11, 1941). The largest is compared with what designs of this shape give when all arms vary alike,
which depends on the design alone and is simulated from a fixed seed. An arm that stands out is set apart, and the
others are checked anew. Its own comparisons then use its own variance. It stays in the pool of the others unless
there is no doubt: taking the largest squares out of many that are alike would make the rest look less noisy than they
are. Only arms that vary more are set apart: one that varies less makes its own comparisons cautious, and no others
wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from service.statistics.cells import Array, Cells
from service.statistics.design import Design

CHECK_LEVEL = 0.2
"""Level of the check. It is no claim, so it is generous: an arm that is set apart in vain costs only power."""
BEYOND_DOUBT = 0.001
"""At this level an arm is taken out of the pool as well, since it would drown what the others tell."""
DRAWS = 4000
MOST = 2_000_000
"""Numbers that are drawn at most; studies of hundreds of arms get by with fewer draws."""


@dataclass(frozen=True)
class Check:
    """What the check found.

    Attributes:
        arms: indices of the arms that vary more than the others, in the order in which they were found.
        excluded: those among them that do so beyond doubt.
        p: p of the first comparison, that of all arms; None where there were fewer than three arms to compare.
    """

    arms: tuple[int, ...]
    excluded: tuple[int, ...]
    p: float | None


def outlying(design: Design, y: Array, arms: Sequence[int], level: float = CHECK_LEVEL) -> Check:
    """Finds the arms that vary more than the others.

    Args:
        design: who was measured with which seed.
        y: the measurements, in its order.
        arms: indices of the arms to compare.
        level: level of each comparison.
    """
    left, found, sure, first = list(arms), [], [], None
    while len(left) > 2:
        part, rows = design.only(left)
        shape = _shape(part.arm_of.tobytes(), part.seed_of.tobytes(), design.arms, design.seeds)
        if shape is None:
            break
        squares = part.residuals(y[rows]) ** 2
        if squares.sum() <= 1e-24 * max(1.0, float(np.abs(y).max())) ** 2:
            break
        ratios = shape.of_arm.sums(squares)[shape.able] / shape.loads / squares.sum()
        p = float((1 + np.count_nonzero(shape.largest >= ratios.max())) / (1 + len(shape.largest)))
        first = p if first is None else first
        if p > level:
            break
        outlier = shape.arms[int(ratios.argmax())]
        left.remove(outlier)
        found.append(outlier)
        if p <= BEYOND_DOUBT:
            sure.append(outlier)
    return Check(tuple(found), tuple(sure), first)


@dataclass(frozen=True, eq=False)
class _Shape:
    """What a design makes of the check.

    Attributes:
        of_arm: which measurements are of one arm.
        able: which of its arms have residuals.
        loads: how much of a variance of 1 is left in the residuals of each of these.
        arms: their indices.
        largest: the largest ratio where all arms vary alike, drawn many times.
    """

    of_arm: Cells
    able: NDArray[np.bool_]
    loads: Array
    arms: tuple[int, ...]
    largest: Array


@lru_cache(maxsize=64)
def _shape(arm_of: bytes, seed_of: bytes, arms: int, seeds: int) -> _Shape | None:
    design = Design(np.frombuffer(arm_of, np.int64), np.frombuffer(seed_of, np.int64), arms, seeds)
    n, of_arm, present = len(design.arm_of), Cells(design.arm_of), np.unique(design.arm_of)
    loads = of_arm.sums(design.residual_shares)
    able = loads > 1e-6
    if np.count_nonzero(able) < 3 or design.residual_df < 2:
        return None
    drawn = design.residuals(np.random.default_rng(0).standard_normal((n, max(500, min(DRAWS, MOST // n))))) ** 2
    ratios = of_arm.sums(drawn.T)[:, able] / loads[able] / drawn.sum(axis=0)[:, None]
    return _Shape(of_arm, able, loads[able], tuple(map(int, present[able])), ratios.max(axis=1))
