"""Measurements whose errors go together: those of one training with one seed, however many arms evaluate it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cells:
    """A covariance of all measurements, for a variance of 1, without laying out a matrix of them.

    Attributes:
        cell: the cell of each measurement, (n,); all of a cell have one error in common. -1 for those without one.
        apart: the covariance of what measurements of a cell differ by, instead: the identity less that of the cells.
    """

    cell: NDArray[np.int64]
    apart: bool = False

    @cached_property
    def _order(self) -> tuple[NDArray[np.int64] | slice, NDArray[np.int64] | None]:
        """The measurements that have a cell, cell by cell; where each begins, unless all are alone."""
        rows = np.flatnonzero(self.cell >= 0)
        rows = rows[np.argsort(self.cell[rows], kind="stable")]
        starts = np.flatnonzero(np.diff(self.cell[rows], prepend=-1))
        whole = len(rows) == len(self.cell) and bool((np.diff(rows) == 1).all())
        return slice(None) if whole else rows, None if len(starts) == len(rows) else starts

    def sums(self, values: Array) -> Array:
        """Returns the sum over each cell, (..., cells), of values, (..., n)."""
        rows, starts = self._order
        chosen = values[..., rows]
        return np.asarray(chosen if starts is None else np.add.reduceat(chosen, starts, axis=-1))

    def variances(self, counted: Counted) -> Array:
        """Returns the variances of the contrasts, (k,)."""
        together = np.square(counted.sums(self)).sum(axis=1)
        return np.asarray(np.square(counted.weights).sum(axis=1) - together if self.apart else together)

    def covariance(self, counted: Counted) -> Array:
        """Returns the covariance of the contrasts, (k, k)."""
        together = counted.together(self)
        return np.asarray(counted.weights @ counted.weights.T - together if self.apart else together)

    def only(self, rows: NDArray[np.int64]) -> Cells:
        """Returns the cells of some measurements."""
        return Cells(self.cell[rows], self.apart)


class Counted:
    """Contrasts of measurements. What several kinds of variance ask of the same cells is worked out once.

    Args:
        weights: how much each measurement counts in each contrast, (k, n).
    """

    def __init__(self, weights: Array) -> None:
        self.weights = weights
        # by the number of the array that names the cells, which is kept, so that no other gets its number
        self._sums: dict[int, tuple[NDArray[np.int64], Array]] = {}
        self._together: dict[int, Array] = {}

    def sums(self, cells: Cells) -> Array:
        """Returns how much each cell counts in each contrast, (k, cells)."""
        key = id(cells.cell)
        if key not in self._sums:
            self._sums[key] = cells.cell, cells.sums(self.weights)
        return self._sums[key][1]

    def together(self, cells: Cells) -> Array:
        """Returns the covariance of the contrasts where measurements vary by cells with variance 1, (k, k)."""
        key, sums = id(cells.cell), self.sums(cells)
        if key not in self._together:
            self._together[key] = sums @ sums.T
        return self._together[key]
