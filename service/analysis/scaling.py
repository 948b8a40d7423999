"""How the metric goes with the size of the network and with training compute: fitted laws and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dit_core.gflops import training_gmacs
from dit_core.metrics import direction
from dit_core.paper import scaling_models
from search_spaces.differences import differences
from search_spaces.profiles import PROFILES
from service.analysis.summary import ArmSummary, Summary

SIZE_FIELDS = ("model.patch_size", "model.hidden_size", "model.depth", "model.num_heads", "model.mlp_ratio")
"""What may differ between networks of one family: how much they compute, and nothing else."""
CONFIDENCE = 0.95
LEAST = 3
"""Networks of different cost that a law is fitted to, at least."""
_APART = 1.02
"""Costs closer than this factor are one."""


@dataclass(frozen=True)
class Point:
    """One network at one point of its training.

    Attributes:
        arm: the arm.
        gflops: forward pass of one image, in 10^9 multiply-adds.
        compute: of the training so far, in 10^9 multiply-adds.
        images: training images seen.
        value: the primary metric, mean over seeds.
    """

    arm: str
    gflops: float
    compute: float
    images: int
    value: float


@dataclass(frozen=True)
class Law:
    """A power law, metric = factor x cost^exponent, fitted by least squares to the logarithms.

    Attributes:
        exponent: the slope of log metric over log cost.
        low: lower end of its 95 % t interval, from the scatter of the points around the line; None for two points.
        high: upper end.
        factor: the metric at a cost of one.
        points: points that it was fitted to.
        span: the least and the largest cost among them.
    """

    exponent: float
    low: float | None
    high: float | None
    factor: float
    points: int
    span: tuple[float, float]

    def at(self, cost: float) -> float:
        """Returns the metric that the law gives at a cost."""
        return float(self.factor * cost**self.exponent)


@dataclass(frozen=True)
class Correlation:
    """Pearson's correlation of the logarithm of Gflops with the metric, as the paper computes it.

    Attributes:
        r: the correlation.
        low: lower end of its 95 % interval (Fisher's z); None below four points.
        high: upper end.
        points: networks.
    """

    r: float
    low: float | None
    high: float | None
    points: int


@dataclass(frozen=True)
class Scaling:
    """What a study says about size.

    Attributes:
        metric: the primary metric.
        points: the networks of one family that ran to the budget, cheapest first; they differ in size alone.
        curve: the same networks at every point at which they were measured.
        law: metric over Gflops at the budget; None for a metric that is not positive.
        compute_law: metric over training compute, fitted to the front of ``curve``.
        correlation: of log Gflops and metric.
        front: arms, of all that finished, than which no cheaper one is better.
        compute_front: the points of ``curve`` than which none with less compute is better.
        paper_correlation: the paper's, over its own models.
        paper_law: a law fitted to the paper's figures in the same way.
    """

    metric: str
    points: tuple[Point, ...]
    curve: tuple[Point, ...]
    law: Law | None
    compute_law: Law | None
    correlation: Correlation | None
    front: tuple[str, ...]
    compute_front: tuple[Point, ...]
    paper_correlation: Correlation
    paper_law: Law


def scaling(summary: Summary) -> Scaling | None:
    """Returns what a study says about size; None where fewer than ``LEAST`` networks of different cost finished."""
    metric, finished = summary.study.primary_metric, [arm for arm in summary.arms if _final(arm) is not None]
    everything = sorted((_at(arm, summary.study.budget_images) for arm in finished), key=lambda p: p.gflops)
    family = {arm.arm.name for arm in finished if _same_but_for_size(arm, summary)}
    points = tuple(point for point in everything if point.arm in family)
    if len(_distinct([point.gflops for point in points])) < LEAST:
        return None
    curve = tuple(
        point
        for arm in finished
        if arm.arm.name in family
        for images in summary.study.milestones
        if (found := arm.at(images)) is not None and math.isfinite(found.mean)
        for point in (_at(arm, images),)
    )
    compute_front = front(curve, [point.compute for point in curve], metric)
    models = scaling_models()
    paper = [model[0] for model in models], [model[1] for model in models]
    paper_law, paper_correlation = power_law(*paper), correlation(*paper)
    assert paper_law is not None and paper_correlation is not None  # twelve models
    return Scaling(
        metric,
        points,
        curve,
        power_law([point.gflops for point in points], [point.value for point in points]),
        power_law([point.compute for point in compute_front], [point.value for point in compute_front]),
        correlation([point.gflops for point in points], [point.value for point in points]),
        tuple(point.arm for point in front(everything, [point.gflops for point in everything], metric)),
        compute_front,
        paper_correlation,
        paper_law,
    )


def power_law(costs: Sequence[float], values: Sequence[float]) -> Law | None:
    """Fits a power law; None for fewer than ``LEAST`` different costs, or values that are not positive.

    Args:
        costs: positive, e.g. Gflops.
        values: the metric at each of them.
    """
    from scipy import stats

    if len(_distinct(costs)) < LEAST or min(values) <= 0:
        return None
    fit = stats.linregress([math.log(cost) for cost in costs], [math.log(value) for value in values])
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(costs) - 2)) * float(fit.stderr)
    slope = float(fit.slope)
    return Law(slope, slope - half, slope + half, math.exp(fit.intercept), len(costs), (min(costs), max(costs)))


def correlation(gflops: Sequence[float], values: Sequence[float]) -> Correlation | None:
    """Returns the correlation of log Gflops and metric; None for fewer than ``LEAST`` costs, or values all the same."""
    from scipy import stats

    if len(_distinct(gflops)) < LEAST or min(values) == max(values):
        return None
    found = stats.pearsonr([math.log(value) for value in gflops], list(values))
    if len(values) < 4:
        return Correlation(float(found.statistic), None, None, len(values))
    interval = found.confidence_interval(CONFIDENCE)
    return Correlation(float(found.statistic), float(interval.low), float(interval.high), len(values))


def front(points: Sequence[Point], costs: Sequence[float], metric: str) -> tuple[Point, ...]:
    """Returns the points than which no cheaper (or equally costly) one is better, the cheapest first.

    Args:
        points: the points.
        costs: the cost of each of them.
        metric: its name says which way is better.
    """
    kept: list[Point] = []
    for _, _, point in sorted(
        zip(costs, [direction.cost(metric, point.value) for point in points], points, strict=True),
        key=lambda item: item[:2],
    ):
        if not kept or direction.cost(metric, point.value) < direction.cost(metric, kept[-1].value):
            kept.append(point)
    return tuple(kept)


def _final(arm: ArmSummary) -> float | None:
    found = arm.final
    return found.mean if found is not None and math.isfinite(found.mean) else None


def _at(arm: ArmSummary, images: int) -> Point:
    found = arm.at(images)
    assert found is not None  # whoever calls has seen to it
    return Point(arm.arm.name, arm.cost.gmacs, training_gmacs(arm.cost, images), images, found.mean)


def _same_but_for_size(arm: ArmSummary, summary: Summary) -> bool:
    """Whether nothing but its size tells the arm from the baseline."""
    study = summary.study
    others = differences(
        summary.expansion.baseline.config,
        arm.arm.config,
        SIZE_FIELDS,
        PROFILES.get(study.baseline.profile),
        study.budget_images,
    )
    return not others


def _distinct(costs: Sequence[float]) -> list[float]:
    """The costs that are farther apart than rounding and small changes of the network."""
    kept: list[float] = []
    for cost in sorted(costs):
        if not kept or cost > kept[-1] * _APART:
            kept.append(cost)
    return kept
