"""The distribution of the largest of several correlated t values, by a fixed set of directions.

A multivariate t vector of rank r is a direction, uniform on the sphere, times a length whose square over r is F
distributed. So P(max |T| > t) is a mean over directions of a tail of F: the length is integrated exactly and only the
direction by points, a scrambled Sobol sequence from a fixed seed (the spherical-radial method, Genz & Bretz,
Computation of Multivariate Normal and t Probabilities, 2009, section 4.1). The same input gives the same number always,
and tails far out are as exact as those near by. ``scipy.stats.dunnett`` gives the same for arms against a control.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from service.statistics.cells import Array

POINTS = 2**14
BINS = 256
"""Directions are gathered into this many of like reach, which changes results by less than 1e-4 of themselves."""
RANK = 1e-8
_AT_ONCE = 2**11
_SHARED = 64
"""Above this rank directions are drawn for the next power of two and cut, so that large families share them."""


def max_t(correlation: Array) -> MaxT:
    """Returns the distribution for a correlation matrix, (k, k), from a cache where it was asked before."""
    return _kept(len(correlation), np.round(correlation, 12).tobytes())


class MaxT:
    """The largest of jointly t distributed values with one variance estimate in common.

    Args:
        correlation: of the values, (k, k); it may be singular.
    """

    def __init__(self, correlation: Array) -> None:
        values, vectors = np.linalg.eigh(correlation)
        kept = values > RANK * max(1.0, float(values.max(initial=0.0)))
        factor = vectors[:, kept] * np.sqrt(values[kept])
        factor /= np.linalg.norm(factor, axis=1, keepdims=True)
        self._gather(int(kept.sum()), lambda directions: directions @ factor.T)

    @classmethod
    def equal(cls, count: int, correlation: float) -> MaxT:
        """Returns the distribution for ``count`` values any two of which have the same correlation.

        Of many values it is that of independent ones with a common part, which takes no matrix of them.
        """
        if count <= _SHARED:
            matrix = np.full((count, count), correlation)
            np.fill_diagonal(matrix, 1.0)
            return max_t(matrix)
        own, common = math.sqrt(1.0 - correlation), math.sqrt(correlation)
        made = cls.__new__(cls)
        made._gather(count + 1, lambda directions: own * directions[:, :-1] + common * directions[:, -1:])
        return made

    def _gather(self, rank: int, reach_of: Callable[[Array], Array]) -> None:
        """Works out how far the values reach in every direction, (directions, rank) -> (directions, values)."""
        self.rank = rank
        drawn = rank if rank <= _SHARED else 2 ** math.ceil(math.log2(rank))
        points, highest, lowest = _points(drawn), np.empty(POINTS), np.empty(POINTS)
        for start in range(0, len(points), _AT_ONCE):  # a thousand values in 8192 directions would take 65 MB, twice
            reach = reach_of(_directions(points[start : start + _AT_ONCE, :rank]))
            highest[start : start + _AT_ONCE], lowest[start : start + _AT_ONCE] = reach.max(axis=1), reach.min(axis=1)
        # the opposite directions: one-sided tails are as exact on either side
        highest[len(points) :], lowest[len(points) :] = -lowest[: len(points)], -highest[: len(points)]
        self._two_sided = self._lengths(_binned(np.maximum(highest, -lowest)))
        self._one_sided = self._lengths(_binned(np.maximum(highest, 0.0)))

    def _lengths(self, reach: Array) -> Array:
        """The squared lengths, times the rank, at which reaches come to 1; without those that never do."""
        return np.asarray(self.rank * reach[reach > 0] ** 2)

    def tail(self, t: float, df: float, *, one_sided: bool = False) -> float:
        """Returns P(max |T| > t), or P(max T > t) when one-sided, for t of at least 0."""
        from scipy import special

        if t <= 0:
            return 1.0
        with np.errstate(divide="ignore", over="ignore"):
            ratio = t**2 / (self._one_sided if one_sided else self._two_sided)
        return float(special.fdtrc(self.rank, df, ratio[np.isfinite(ratio)]).sum() / BINS)


def _binned(reach: Array) -> Array:
    gathered = np.sort(reach).reshape(BINS, -1)
    return np.asarray(np.sqrt((gathered**2).mean(axis=1)))


@lru_cache(maxsize=64)
def _kept(size: int, data: bytes) -> MaxT:
    return MaxT(np.frombuffer(data, dtype=np.float64).reshape(size, size))


def _directions(points: Array) -> Array:
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


@lru_cache(maxsize=4)
def _points(rank: int) -> Array:
    """Half of the normally distributed points, (POINTS / 2, rank); the others are their opposites.

    Some of their columns are such points, too.
    """
    from scipy import special
    from scipy.stats import qmc

    if rank == 1:
        return np.ones((POINTS // 2, 1))
    points = qmc.Sobol(rank, scramble=True, rng=0).random(POINTS // 2)
    return np.asarray(special.ndtri(np.clip(points, 1e-12, 1 - 1e-12)))
