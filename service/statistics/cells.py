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

    def variances(self, counted: Array) -> Array:
        """Returns the variances of ``counted @ y``, (k,), for ``counted`` of (k, n)."""
        together = np.square(self.sums(counted)).sum(axis=1)
        return np.asarray(np.square(counted).sum(axis=1) - together if self.apart else together)

    def covariance(self, counted: Array) -> Array:
        """Returns the covariance of ``counted @ y``, (k, k), for ``counted`` of (k, n)."""
        sums = self.sums(counted)
        together = sums @ sums.T
        return np.asarray(counted @ counted.T - together if self.apart else together)

    def only(self, rows: NDArray[np.int64]) -> Cells:
        """Returns the cells of some measurements."""
        return Cells(self.cell[rows], self.apart)
