"""The design of a study as linear algebra: who was measured with which seed, and what can be told apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from service.statistics.cells import Array, Cells
from service.statistics.measurements import Measurements

NEAR_ZERO = 1e-9


@dataclass(frozen=True, eq=False)
class Design:
    """Which arm was measured with which seed: additive effects of arms and of seeds, each a column of 0 and 1.

    Attributes:
        arm_of: index of the arm of each measurement, (n,).
        seed_of: index of the seed of each measurement, (n,).
        arms: number of arms.
        seeds: number of seeds.
    """

    arm_of: NDArray[np.int64]
    seed_of: NDArray[np.int64]
    arms: int
    seeds: int

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many measurements each arm has, (arms,)."""
        return np.asarray(np.bincount(self.arm_of, minlength=self.arms), dtype=np.int64)

    @cached_property
    def _together(self) -> Array:
        """How often each arm was measured with each seed, (arms, seeds)."""
        found = np.zeros((self.arms, self.seeds))
        np.add.at(found, (self.arm_of, self.seed_of), 1.0)
        return found

    @cached_property
    def _shares(self) -> Array:
        """One over each arm's count, (arms, 1); 0 for an arm that was never measured."""
        return np.asarray(np.where(self.counts > 0, 1.0 / np.maximum(self.counts, 1), 0.0)[:, None])

    @cached_property
    def _reduced(self) -> Array:
        """The normal equations of the seeds once the arms are eliminated, (seeds, seeds)."""
        return np.asarray(np.diag(self._together.sum(axis=0)) - self._together.T @ (self._shares * self._together))

    @cached_property
    def _inverse(self) -> Array:
        return np.asarray(np.linalg.pinv(self._reduced, rcond=NEAR_ZERO, hermitian=True))

    def _solve(self, of_arms: Array, of_seeds: Array) -> tuple[Array, Array]:
        """Solves the normal equations of the model for one right side or several.

        Arms are eliminated, of which there may be many, so that a system of the few seeds is left. Of all solutions it
        is that in which the seeds' effects sum to 0 among arms that hang together by their seeds.

        Args:
            of_arms: (arms, right sides).
            of_seeds: (seeds, right sides).

        Returns:
            Effects of the arms, (arms, right sides), 0 for those that were never measured, and of the seeds.
        """
        seeds = self._inverse @ (of_seeds - self._together.T @ (self._shares * of_arms))
        return self._shares * (of_arms - self._together @ seeds), seeds

    def effects(self, y: Array) -> tuple[Array, Array]:
        """Fits the measurements by least squares.

        Args:
            y: the measurements, (n,).

        Returns:
            The arms' effects, (arms,): what their means would be over all seeds of the arms they can be compared with;
            not a number for an arm that was never measured. And what each seed adds to all arms alike, (seeds,).
        """
        of_arms = np.asarray(np.bincount(self.arm_of, weights=y, minlength=self.arms), dtype=np.float64)
        of_seeds = np.asarray(np.bincount(self.seed_of, weights=y, minlength=self.seeds), dtype=np.float64)
        arms, seeds = self._solve(of_arms[:, None], of_seeds[:, None])
        return np.where(self.counts > 0, arms[:, 0], np.nan), seeds[:, 0]

    def residuals(self, y: Array) -> Array:
        """Returns what neither arms nor seeds explain of measurements.

        Args:
            y: the measurements, (n,), or several sets of them, (n, sets).
        """
        sets = y.reshape(len(y), -1)
        of_arms, of_seeds = np.zeros((self.arms, sets.shape[1])), np.zeros((self.seeds, sets.shape[1]))
        of_arms[np.unique(self.arm_of)] = Cells(self.arm_of).sums(sets.T).T
        of_seeds[np.unique(self.seed_of)] = Cells(self.seed_of).sums(sets.T).T
        arms, seeds = self._solve(of_arms, of_seeds)
        return np.asarray(sets - arms[self.arm_of] - seeds[self.seed_of]).reshape(y.shape)

    @cached_property
    def _centred(self) -> Array:
        """The seeds' columns less what the arms explain of them, (n, seeds)."""
        found = -(self._shares * self._together)[self.arm_of]
        found[np.arange(len(self.arm_of)), self.seed_of] += 1.0
        return np.asarray(found)

    @cached_property
    def residual_shares(self) -> Array:
        """How much of each measurement's own variance is left in its residual, (n,).

        That is the diagonal of the residual projection, which is never laid out: it is as large as the measurements
        squared.
        """
        explained = np.einsum("ns,st,nt->n", self._centred, self._inverse, self._centred, optimize=True)
        return np.asarray(1.0 - self._shares[self.arm_of, 0] - explained)

    def residual_load(self, cells: Cells) -> float:
        """Returns the variance that is left in all residuals where measurements vary by ``cells`` with variance 1."""
        own = cells.cell >= 0
        of_seeds = cells.sums(self._centred.T)
        explained = float(np.sum((self._inverse @ of_seeds) * of_seeds))
        # an arm has no seed twice, so a cell has one measurement of an arm at most
        return float(np.count_nonzero(own) - self._shares[self.arm_of[own], 0].sum()) - explained

    def seeds_explain(self, y: Array) -> float:
        """Returns the sum of squares that the seeds explain beyond the arms."""
        of_seeds = self._centred.T @ y
        return float(of_seeds @ self._inverse @ of_seeds)

    @property
    def seeds_load(self) -> float:
        """What ``seeds_explain`` is on average where every seed adds a random number of variance 1 to all arms."""
        return float(np.trace(self._reduced))

    @cached_property
    def rank_of_seeds(self) -> int:
        """How many effects of seeds can be told beyond those of the arms."""
        return round(float(np.sum(self._inverse * self._reduced)))

    @cached_property
    def residual_df(self) -> int:
        """Degrees of freedom of the residuals."""
        return len(self.arm_of) - int(np.count_nonzero(self.counts)) - self.rank_of_seeds

    def estimators(self, weights: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Returns how much each measurement counts in the least-squares estimates of contrasts of arms.

        Args:
            weights: one number per contrast and arm, (k, arms), that sum to 0 for each contrast.

        Returns:
            (k, n); the estimates are its product with the measurements. And (k,), whether a contrast can be told: not
            where its arms have no seed in common, neither directly nor through other arms.
        """
        arms, seeds, told = self._dual(weights)
        return np.asarray(arms.T[:, self.arm_of] + seeds.T[:, self.seed_of]), told

    def can_tell(self, weights: Array) -> NDArray[np.bool_]:
        """Returns whether each of several contrasts of arms can be told, (k,), as ``estimators`` does."""
        return self._dual(weights)[2]

    def _dual(self, weights: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """What ``estimators`` adds up for a measurement, by its arm and by its seed; and what can be told."""
        arms, seeds = self._solve(weights.T, np.zeros((self.seeds, len(weights))))
        of_arms = self.counts[:, None] * arms + self._together @ seeds
        of_seeds = self._together.T @ arms + self._together.sum(axis=0)[:, None] * seeds
        off = np.abs(of_arms - weights.T).max(axis=0, initial=0.0), np.abs(of_seeds).max(axis=0, initial=0.0)
        return arms, seeds, np.maximum(*off) <= 1e-6

    def only(self, arms: Collection[int]) -> tuple[Design, NDArray[np.int64]]:
        """Returns the design of some arms alone, and which measurements are theirs."""
        rows = np.flatnonzero(np.isin(self.arm_of, sorted(arms)))
        return Design(self.arm_of[rows], self.seed_of[rows], self.arms, self.seeds), rows


def design_of(measured: Measurements) -> tuple[Design, Array]:
    """Lays measurements out as a design.

    Returns:
        The design and the values in its order, (n,).
    """
    arm_of, seed_of = (np.array([row[part] for row in measured.values], dtype=np.int64) for part in (0, 1))
    values = np.array([value for _, _, value in measured.values], dtype=np.float64)
    return Design(arm_of, seed_of, len(measured.arms), len(measured.seeds)), values
