"""One word for every trial, the same in the terminal, in MLflow and in the report."""

from __future__ import annotations

from dataclasses import dataclass

from dit_core.events import MetricResult
from search_spaces.study import Study
from search_spaces.types import Trial
from service.policies.base import Plan
from service.records.results import Results, TrialResult
from service.records.store import StoredMetric

COMPLETED, REUSED, DIVERGED, FAILED, RUNNING, PENDING = (
    "completed",
    "reused",
    "diverged",
    "failed",
    "running",
    "pending",
)


@dataclass(frozen=True)
class TrialStatus:
    """Where one trial stands.

    Attributes:
        trial: the trial.
        train_id: identity of its weights.
        state: ``completed``, ``reused`` (completed, every evaluation paid for by another study),
            ``stopped@<images>``, ``diverged``, ``failed``, ``running`` or ``pending``.
        images: images at its last evaluation, 0 before the first.
        metric: the primary metric there, None before the first evaluation.
    """

    trial: Trial
    train_id: str
    state: str
    images: int
    metric: MetricResult | None

    @property
    def is_final(self) -> bool:
        """Whether the metric is that of a full-length run."""
        return self.state in (COMPLETED, REUSED)


def trial_statuses(
    study: Study, results: Results, plan: Plan, running: frozenset[str] = frozenset()
) -> list[TrialStatus]:
    """Returns every trial's status, in the study's order.

    Args:
        study: the study.
        results: what the store holds.
        plan: what the policy makes of it.
        running: names of trials with a segment in flight.
    """
    stopped = {stop.arm: stop.images for stop in plan.stops}
    statuses = []
    for result in results.values():
        # the study's own milestones only: another study may have measured the same trial elsewhere
        images = max((seen for seen in study.milestones if seen in result.evaluations), default=0)
        metric = result.evaluations.get(images, {}).get(study.primary_metric)
        state = _state(study, result, stopped, running)
        statuses.append(TrialStatus(result.trial, result.train_id, state, images, metric))
    return statuses


def _state(study: Study, result: TrialResult, stopped: dict[str, int], running: frozenset[str]) -> str:
    if study.budget_images in result.evaluations:
        return REUSED if _paid_elsewhere(study, result) else COMPLETED
    if result.diverged is not None:
        return DIVERGED
    if result.trial.arm.name in stopped:
        return f"stopped@{stopped[result.trial.arm.name]}"
    if result.trial.name in running:
        return RUNNING
    return FAILED if result.failed is not None else PENDING


def _paid_elsewhere(study: Study, result: TrialResult) -> bool:
    payers = {
        metric.study
        for images in study.milestones
        for metric in result.evaluations.get(images, {}).values()
        if isinstance(metric, StoredMetric)
    }
    return bool(payers) and study.name not in payers
