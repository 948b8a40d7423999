"""The metrics that a study measures beside the one that its arms are compared on. They are shown and not tested."""

from __future__ import annotations

from collections.abc import Sequence

from service.analysis.numbers import NOTHING, MetricFormat
from service.analysis.statistics import Spread, spread
from service.analysis.summary import ArmSummary, Summary
from service.statistics.measurements import Scale


def names(summary: Summary) -> tuple[str, ...]:
    """Returns the secondary metrics, in the order in which the baseline's evaluation names them."""
    measured = summary.expansion.baseline.config.evaluation.metrics
    return tuple(name for name in measured if name != summary.study.primary_metric)


def mean(arm: ArmSummary, summary: Summary, metric: str, images: int) -> Spread | None:
    """Returns mean and spread of a metric over the seeds that were measured at ``images``; None for none.

    The mean is of the kind that it would be if arms were compared on this metric.
    """
    return spread(_values(arm, summary, metric, images), _scale(summary, metric))


def cells(arm: ArmSummary, summary: Summary) -> list[str]:
    """Returns an arm's secondary metrics at the budget as text, a dash where there is none."""
    shown = []
    for name in names(summary):
        found = mean(arm, summary, name, summary.study.budget_images) if arm.finals else None
        shown.append(NOTHING if found is None else _format(summary, name).spread(found))
    return shown


def _scale(summary: Summary, metric: str) -> Scale:
    budget = summary.study.budget_images
    positive = all(value > 0 for arm in summary.arms for value in _values(arm, summary, metric, budget))
    return "log" if positive else "identity"


def _format(summary: Summary, metric: str) -> MetricFormat:
    budget = summary.study.budget_images
    return MetricFormat.for_values(value for arm in summary.arms for value in _values(arm, summary, metric, budget))


def _values(arm: ArmSummary, summary: Summary, metric: str, images: int) -> Sequence[float]:
    results = [summary.results[status.trial.name] for status in arm.statuses]
    found = [result.evaluations.get(images, {}).get(metric) for result in results]
    return [measured.value for measured in found if measured is not None]
