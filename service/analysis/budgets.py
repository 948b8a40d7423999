"""Arms at equal images, at equal training compute or at equal device time: three budgets, one set of records."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dit_core.gflops import training_gmacs
from search_spaces.study import Study
from service.analysis.numbers import compute, duration, whole
from service.analysis.statistics import mean
from service.records.kinds import Stretch
from service.records.store import Store

if TYPE_CHECKING:
    from service.analysis.summary import ArmSummary, Summary

BEFORE_A_RUNG = "not measured that early: its first rung comes later"


class Budget(StrEnum):
    """What is equal where arms are compared, as a study file has it (``search_spaces.study.EQUAL``)."""

    IMAGES = "images"
    COMPUTE = "training-compute"
    TIME = "device-time"

    @property
    def words(self) -> str:
        """The budget in a sentence."""
        return self.value.replace("-", " ")

    def amount(self, spent: float) -> str:
        """Writes an amount of it, of one seed."""
        if self is Budget.IMAGES:
            return f"{whole(round(spent))} images"
        return compute(spent) if self is Budget.COMPUTE else duration(spent)


Curve = Sequence[tuple[float, float]]
"""Rising pairs of (images, something that is known there)."""


@dataclass(frozen=True)
class Compared:
    """The values that a study's arms are compared on.

    Attributes:
        budget: what is equal.
        amount: how much of it, for one seed; None before any trial has finished.
        values: arm -> seed -> primary metric there.
    """

    budget: Budget
    amount: float | None
    values: Mapping[str, Mapping[int, float]]

    @property
    def text(self) -> str:
        """Where arms are compared: ``after 20,480 images``, ``at equal training compute of 3.1 TMACs a seed``."""
        if self.amount is None or self.budget is Budget.IMAGES:
            return "at the budget" if self.amount is None else f"after {self.budget.amount(self.amount)}"
        return f"at equal {self.budget.words} of {self.budget.amount(self.amount)} a seed"

    @property
    def note(self) -> str:
        """What a reader has to know of values that are not those of full length; empty where they are."""
        if self.budget is Budget.IMAGES or self.amount is None:
            return ""
        return (
            f"Arms are compared {self.text}, what the cheapest of them spends in all: dearer arms are taken before "
            "their end, and their metric is interpolated between rungs."
        )


def compared(arms: Sequence[ArmSummary], study: Study, store: Store) -> Compared:
    """Returns what a study's arms are compared on, at the budget that the study names.

    Args:
        arms: every arm.
        study: the study.
        store: where the training curves are, with their seconds.
    """
    budget, finals = Budget(study.compare_at), {arm.arm.name: arm.finals for arm in arms}
    if budget is Budget.IMAGES or not any(finals.values()):
        return Compared(budget, float(study.budget_images) if budget is Budget.IMAGES else None, finals)
    spending = Spending(study, store)
    spent = {(arm.arm.name, seed): spending.spent(arm, seed, budget) for arm in arms for seed in arm.finals}
    amount = min((curve[-1][1] for curve in spent.values() if curve is not None), default=None)
    values: dict[str, dict[int, float]] = {arm.arm.name: {} for arm in arms}
    for arm in arms:
        for seed in arm.finals:
            curve = spent[arm.arm.name, seed]
            value = None if curve is None or amount is None else value_at(metric(arm, seed), images_at(curve, amount))
            if value is not None:
                values[arm.arm.name][seed] = value
    return Compared(budget, amount, values)


@dataclass(frozen=True)
class AtEqual:
    """An arm and the baseline where both have spent the same.

    Attributes:
        arm: the arm.
        budget: what is equal.
        spent: how much of it, for one seed: images, 10^9 multiply-adds, or device seconds of training; the mean over
            the seeds.
        images: training images that the arm had seen by then; the mean over the seeds.
        baseline_images: the same of the baseline.
        difference: the arm's mean there minus the baseline's, over the seeds that both have; an estimate without an
            interval. At equal images it is that of the verdicts.
        seeds: those seeds.
    """

    arm: str
    budget: Budget
    spent: float
    images: float
    baseline_images: float
    difference: float
    seeds: int


def at_equal_budgets(summary: Summary, store: Store) -> dict[str, dict[Budget, AtEqual]]:
    """Compares every arm that finished with the baseline at each budget.

    The dearer of the two is taken before its end, where it had spent what the cheaper one spends in all. Between rungs
    its metric is interpolated, by a straight line over the logarithm of images (of its logarithm where it is positive);
    before the first rung nothing is known.

    Args:
        summary: the study's results.
        store: where the training curves, with their seconds, are.

    Returns:
        Arm -> budget -> the comparison; a budget is left out where nothing is known.
    """
    spending = Spending(summary.study, store)
    found: dict[str, dict[Budget, AtEqual]] = {}
    for arm in summary.arms[1:]:
        if arm.finals:
            rows = {budget: _compare(arm, summary.baseline, budget, spending) for budget in Budget}
            found[arm.arm.name] = {budget: row for budget, row in rows.items() if row is not None}
    return found


def _compare(arm: ArmSummary, baseline: ArmSummary, budget: Budget, spending: Spending) -> AtEqual | None:
    rows = []
    for seed in sorted(set(arm.finals) & set(baseline.finals)):
        own, other = spending.spent(arm, seed, budget), spending.spent(baseline, seed, budget)
        if own is None or other is None:
            continue
        spent = min(own[-1][1], other[-1][1])
        images = images_at(own, spent), images_at(other, spent)
        values = value_at(metric(arm, seed), images[0]), value_at(metric(baseline, seed), images[1])
        if values[0] is not None and values[1] is not None:
            rows.append((spent, *images, *values))
    if not rows:
        return None
    amounts, own_seen, other_seen, own_values, other_values = zip(*rows, strict=True)
    means = mean(own_values, arm.scale), mean(other_values, arm.scale)
    if budget is Budget.IMAGES and arm.final is not None and baseline.final is not None and arm.final_at is not None:
        means = arm.final.mean, baseline.final.mean  # the difference that the verdicts speak of
    spent, seen, baseline_seen = (math.fsum(column) / len(rows) for column in (amounts, own_seen, other_seen))
    return AtEqual(arm.arm.name, budget, spent, seen, baseline_seen, means[0] - means[1], len(rows))


@dataclass(frozen=True)
class Spending:
    """What trials of a study have spent by how many images.

    Attributes:
        study: the study.
        store: where the training curves, with their seconds, are.
    """

    study: Study
    store: Store

    def spent(self, arm: ArmSummary, seed: int, budget: Budget) -> Curve | None:
        """Returns what one trial had spent by how many images, up to the budget; None where it is not known."""
        images = self.study.budget_images
        if budget is Budget.IMAGES:
            return [(0.0, 0.0), (float(images), float(images))]
        if budget is Budget.COMPUTE:
            return [(0.0, 0.0), (float(images), training_gmacs(arm.cost, images))]
        status = next(status for status in arm.statuses if status.trial.seed == seed)
        return seconds_by_images(self.store.spans(status.train_id), images, self.study.resources.workers)


def seconds_by_images(stretches: Sequence[Stretch], budget: int, workers: int) -> Curve | None:
    """Returns device seconds of training by images seen; None where the curve has a hole before the budget."""
    spent, reached = [(0.0, 0.0)], 0
    for stretch in sorted(stretches, key=lambda piece: (piece.start, -piece.images)):
        if stretch.start > reached:
            return None
        if stretch.images <= reached or stretch.start >= budget:
            continue
        share = (stretch.images - reached) / (stretch.images - stretch.start)
        reached = stretch.images
        spent.append((float(reached), spent[-1][1] + stretch.seconds * workers * share))
    if reached < budget:
        return None
    return [*(point for point in spent if point[0] < budget), (float(budget), interpolated(spent, budget))]


def images_at(spent: Curve, amount: float) -> float:
    """Returns the images by which a trial had spent an amount, between the points by a straight line."""
    return interpolated([(cost, images) for images, cost in spent], amount)


def value_at(curve: Curve, images: float) -> float | None:
    """Returns the metric at a number of images, between those at which it was measured; None outside of them."""
    if not curve or images < curve[0][0] * (1 - 1e-9) or images > curve[-1][0] * (1 + 1e-9):
        return None
    positive = all(value > 0 for _, value in curve)
    into: Callable[[float], float] = math.log if positive else float
    value = interpolated([(math.log(seen), into(value)) for seen, value in curve], math.log(images))
    return math.exp(value) if positive else value


def interpolated(points: Curve, x: float) -> float:
    """Returns y at ``x`` on the line through rising points; beyond the ends that of the end."""
    xs = [point[0] for point in points]
    place = bisect_left(xs, x)
    if place == 0 or place == len(points):
        return points[min(place, len(points) - 1)][1]
    (x0, y0), (x1, y1) = points[place - 1], points[place]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def metric(arm: ArmSummary, seed: int) -> Curve:
    """Returns where one trial was measured, in images, and the primary metric there."""
    known = [(float(images), own.get(seed, math.nan)) for images, own in sorted(arm.measured.items())]
    return [(images, value) for images, value in known if math.isfinite(value)]
