"""One linear model for a study: arm effects plus seed effects on the metric, or on its logarithm where it is positive.

    y[arm, seed] = mean[arm] + block[seed] + error[arm, seed]

fitted by ordinary least squares with the seeds as fixed blocks, so that arms which miss a seed are compared all the
same, at equal seeds. How the variance of the errors is estimated, and with how many degrees of freedom, is
``variance.py``'s: pooled over all arms where a check allows, with a variance of its own for an arm that varies more
than the others, and a third variance between arms that evaluate the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from service.statistics.cells import Array, Counted
from service.statistics.design import Design, design_of
from service.statistics.measurements import Measurements, Scale, measurements
from service.statistics.variance import NO_VARIANCE, ContrastVariance, Variances, variances


@dataclass(frozen=True)
class Estimate:
    """An estimated contrast, on the model's scale.

    Attributes:
        difference: the contrast: a difference of means, or of means of logarithms where the scale is ``log``.
        standard_error: its standard error; None when there are no degrees of freedom (one seed) or when the values
            do not vary at all, so that nothing can be said about its uncertainty.
        df: degrees of freedom of the standard error; 0 where it is None. Whole when the variance is pooled, else
            Satterthwaite's.
        stratum: what the standard error was estimated from. Contrasts of one stratum have one variance estimate in
            common, so their t values are jointly multivariate t; see ``simultaneous.py``.
        seeds: the fewest seeds that an arm of the contrast was measured with.
    """

    difference: float
    standard_error: float | None
    df: float
    stratum: str
    seeds: int

    @property
    def t(self) -> float | None:
        """The t value, None without a standard error."""
        return None if self.standard_error is None else self.difference / self.standard_error


@dataclass(frozen=True, eq=False)
class Joint:
    """Several contrasts of one fit.

    Attributes:
        estimates: one per contrast, in the order they were asked for; None where the design cannot tell it.
        correlation: of the estimates, (contrasts, contrasts); rows of what cannot be told are those of the identity.
    """

    estimates: tuple[Estimate | None, ...]
    correlation: Array


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model. Make it with ``fit``.

    Attributes:
        arms: names, in the order they were given.
        seeds: every seed that any arm was measured with, ascending.
        scale: ``log`` where every value is positive, else ``identity``.
        design: who was measured with which seed.
        y: the measurements on the model's scale, in the design's order.
        training: for each arm the index of the arm whose weights it evaluates: its own, where it is trained for itself.
        left_out: (arm, seed) of values that were no finite numbers.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    scale: Scale
    design: Design
    y: Array
    training: tuple[int, ...]
    left_out: tuple[tuple[str, int], ...] = ()

    @cached_property
    def variances(self) -> Variances:
        """The variance estimates."""
        return variances(self.design, self.y, self.arms, self.training)

    @cached_property
    def effects(self) -> Mapping[str, float]:
        """Arm -> its least-squares mean on the model's scale; without the arms that have no finite value."""
        arms, _ = self._fitted
        return {arm: float(effect) for arm, effect in zip(self.arms, arms, strict=True) if not math.isnan(effect)}

    @cached_property
    def mean_square(self) -> float | None:
        """The mean square of all residuals: the variance of one measurement where all arms are taken to vary alike.

        ``variances`` has what may be concluded from; this is for forecasts. None without degrees of freedom.
        """
        arms, seeds = self._fitted
        left = self.y - arms[self.design.arm_of] - seeds[self.design.seed_of]
        return float(left @ left) / self.design.residual_df if self.design.residual_df > 0 else None

    @property
    def counts(self) -> Mapping[str, int]:
        """Arm -> how many seeds it was measured with."""
        return dict(zip(self.arms, map(int, self.design.counts), strict=True))

    def seeds_of(self, arm: str) -> tuple[int, ...]:
        """Returns the seeds that an arm was measured with."""
        return self._seeds_of[self.index[arm]]

    @cached_property
    def _seeds_of(self) -> list[tuple[int, ...]]:
        found: list[list[int]] = [[] for _ in self.arms]
        for arm, seed in zip(self.design.arm_of.tolist(), self.design.seed_of.tolist(), strict=True):
            found[arm].append(self.seeds[seed])
        return [tuple(own) for own in found]

    def contrast(self, weights: Mapping[str, float]) -> Estimate | None:
        """Estimates one contrast.

        Args:
            weights: arm -> weight, e.g. ``{"size=B": 1, "baseline": -1}`` or, for an interaction of two axes,
                ``{"a,b": 1, "a": -1, "b": -1, "baseline": 1}``. They sum to 0.

        Returns:
            The estimate, or None when the design cannot tell it: an arm without a finite value, or arms that have no
            seed in common, neither directly nor through other arms.

        Raises:
            KeyError: an arm that was not given to ``fit``.
            ValueError: weights that do not sum to 0.
        """
        return self.contrasts([weights])[0]

    def contrasts(self, contrasts: Sequence[Mapping[str, float]]) -> tuple[Estimate | None, ...]:
        """Estimates several contrasts, each for itself; see ``contrast``."""
        return self._estimated(contrasts)[0]

    def joint(self, contrasts: Sequence[Mapping[str, float]]) -> Joint:
        """Estimates several contrasts with the correlation of their estimates; see ``contrast``."""
        estimates, counted = self._estimated(contrasts)
        correlation = np.eye(len(contrasts))
        known = [index for index, own in enumerate(estimates) if own is not None]
        if known:
            stacked = counted if len(known) == len(contrasts) else Counted(counted.weights[known])
            covariance = self.variances.covariance(stacked, relative=True)
            scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
            scale[scale == 0] = 1.0
            correlation[np.ix_(known, known)] = np.clip(covariance / np.outer(scale, scale), -1.0, 1.0)
            np.fill_diagonal(correlation, 1.0)
        return Joint(estimates, correlation)

    def mean(self, arm: str) -> float | None:
        """Returns an arm's mean on the metric's own scale, at the same seeds for every arm.

        It is the least-squares mean: what the arm's mean would be over all seeds. Where the scale is
        ``log`` it is a geometric mean. Two arms' means differ by exactly what their contrast says, so a table of
        means and a list of differences cannot contradict each other. Arms that cannot be compared, because they
        share no seed even through others, have means over seeds of their own. None without a finite value.
        """
        effect = self.effects.get(arm)
        return None if effect is None else self.natural(effect)

    def difference(self, arm: str, reference: str) -> float | None:
        """Returns an arm's mean minus another's on the metric's own scale; None where they cannot be compared."""
        mean, other = self.mean(arm), self.mean(reference)
        if mean is None or other is None:
            return None
        if arm == reference:
            return 0.0
        return mean - other if self.design.can_tell(self._vector({arm: 1.0, reference: -1.0})[None])[0] else None

    def natural(self, value: float) -> float:
        """Returns a mean on the model's scale as one on the metric's own scale."""
        return math.exp(value) if self.scale == "log" else value

    @property
    def varies(self) -> bool:
        """Whether the values vary by more than rounding from seed to seed, beyond what a seed does to all arms."""
        return self.variances.pooled is not None and self.variances.pooled > self._rounding

    @cached_property
    def _rounding(self) -> float:
        return NO_VARIANCE * max(1.0, float(np.abs(self.y).max(initial=0.0))) ** 2

    @cached_property
    def _fitted(self) -> tuple[Array, Array]:
        return self.design.effects(self.y)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Arm -> its place in ``arms``."""
        return {arm: index for index, arm in enumerate(self.arms)}

    def _vector(self, weights: Mapping[str, float]) -> Array:
        if abs(math.fsum(weights.values())) > 1e-9:
            raise ValueError(f"the weights of a contrast sum to 0; {dict(weights)} given")
        found = np.zeros(len(self.arms))
        for arm, weight in weights.items():
            found[self.index[arm]] = weight
        return found

    def _estimated(self, contrasts: Sequence[Mapping[str, float]]) -> tuple[tuple[Estimate | None, ...], Counted]:
        """The estimates, and how much each measurement counts in them."""
        weights = np.array([self._vector(own) for own in contrasts]).reshape(len(contrasts), len(self.arms))
        estimators, known = self.design.estimators(weights)
        counted = Counted(estimators)
        variances, differences = self.variances.of(counted), estimators @ self.y
        estimates = tuple(
            self._estimate(own, variance, float(difference)) if there else None
            for own, variance, difference, there in zip(contrasts, variances, differences, known, strict=True)
        )
        return estimates, counted

    def _estimate(self, weights: Mapping[str, float], variance: ContrastVariance | None, difference: float) -> Estimate:
        used = [len(self.seeds_of(arm)) for arm, weight in weights.items() if weight]
        difference = 0.0 if difference**2 <= self._rounding else difference
        seeds = min(used, default=0)
        if variance is None or variance.value <= self._rounding:
            return Estimate(difference, None, 0.0, "", seeds)
        return Estimate(difference, math.sqrt(variance.value), variance.df, variance.stratum, seeds)


def fit(
    values: Mapping[str, Mapping[int, float]],
    *,
    trained_with: Mapping[str, str] | None = None,
    scale: Scale | None = None,
) -> Fit:
    """Fits the model to one metric of a study; the arguments are those of ``measurements``.

    Returns:
        The fit. One seed leaves no degrees of freedom: estimates then have no standard error.
    """
    return fitted(measurements(values, trained_with=trained_with, scale=scale))


def fitted(measured: Measurements) -> Fit:
    """Fits the model to what was measured; see ``fit``."""
    design, y = design_of(measured)
    y = np.log(y) if measured.scale == "log" else y
    return Fit(measured.arms, measured.seeds, measured.scale, design, y, measured.training, measured.left_out)
