"""Where every trial stands, the same in the terminal, in MLflow and in the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dit_core.events import MetricResult
from search_spaces.study import Study
from search_spaces.types import Trial
from service.records.decisions import Stop
from service.records.measurements import StoredMetric
from service.records.results import Results, TrialResult


class StateKind(StrEnum):
    """What can be said of a trial in one word.

    ``reused`` is completed, with every evaluation paid for by another study; ``spared`` is a seed that the policy does
    not need, since its arm's comparison is decided; ``failed`` was given up after errors.
    """

    COMPLETED = "completed"
    REUSED = "reused"
    STOPPED = "stopped"
    SPARED = "spared"
    DIVERGED = "diverged"
    FAILED = "failed"
    RUNNING = "running"
    PENDING = "pending"


@dataclass(frozen=True)
class TrialState:
    """Where a trial stands. As text it is ``completed``, ``stopped@12800``, ...

    Attributes:
        kind: the word for it.
        images: where it was stopped, in images seen; None unless it was stopped.
    """

    kind: StateKind
    images: int | None = None

    @property
    def is_final(self) -> bool:
        """Whether the trial ran to its full length."""
        return self.kind in (StateKind.COMPLETED, StateKind.REUSED)

    @property
    def is_open(self) -> bool:
        """Whether the trial is still to go on."""
        return self.kind in (StateKind.RUNNING, StateKind.PENDING)

    def __str__(self) -> str:
        return self.kind.value if self.images is None else f"{self.kind.value}@{self.images}"


@dataclass(frozen=True)
class TrialStatus:
    """Where one trial stands.

    Attributes:
        trial: the trial.
        train_id: identity of its weights.
        state: completed, stopped, running, ...
        images: images at its last evaluation, 0 before the first.
        metric: the primary metric there, None before the first evaluation.
    """

    trial: Trial
    train_id: str
    state: TrialState
    images: int
    metric: MetricResult | None

    @property
    def is_final(self) -> bool:
        """Whether the metric is that of a full-length run."""
        return self.state.is_final


def trial_statuses(
    study: Study, results: Results, stops: Iterable[Stop], running: frozenset[str] = frozenset()
) -> list[TrialStatus]:
    """Returns every trial's status, in the order of the results.

    Args:
        study: the study.
        results: what the store holds.
        stops: the arms that are not continued.
        running: names of trials with a segment in flight.
    """
    by_arm = {stop.arm: stop for stop in stops}
    return [trial_status(study, result, by_arm, result.trial.name in running) for result in results.values()]


def trial_status(
    study: Study, result: TrialResult, stops: Mapping[str, Stop], running: bool, finished: bool = False
) -> TrialStatus:
    """Returns one trial's status; ``stops`` are by arm, ``finished`` says that the policy wants nothing more."""
    # the study's own milestones only: another study may have measured the same trial elsewhere
    images = max((seen for seen in study.milestones if seen in result.evaluations), default=0)
    metric = result.evaluations.get(images, {}).get(study.primary_metric)
    state = _state(study, result, stops.get(result.trial.arm.name), running)
    if state.kind is StateKind.PENDING and finished and not images:
        state = TrialState(StateKind.SPARED)
    return TrialStatus(result.trial, result.train_id, state, images, metric)


def _state(study: Study, result: TrialResult, stop: Stop | None, running: bool) -> TrialState:
    if study.budget_images in result.evaluations:
        return TrialState(StateKind.REUSED if _paid_elsewhere(study, result) else StateKind.COMPLETED)
    if result.diverged is not None:
        return TrialState(StateKind.DIVERGED)
    if stop is not None and stop.seeds and result.trial.seed not in stop.seeds:
        return TrialState(StateKind.SPARED)
    if stop is not None and stop.ends_early and _stopped(study, result, stop):
        return TrialState(StateKind.STOPPED, stop.images)
    if running:
        return TrialState(StateKind.RUNNING)
    return TrialState(StateKind.FAILED if result.failed is not None else StateKind.PENDING)


def _stopped(study: Study, result: TrialResult, stop: Stop) -> bool:
    """Whether a stopped arm's trial has been measured at its look, or where that has left the study, before it.

    A new seed of a stopped arm runs up to there.
    """
    before = [images for images in study.milestones if images <= stop.images]
    return not before or before[-1] in result.evaluations


def _paid_elsewhere(study: Study, result: TrialResult) -> bool:
    payers = {
        metric.study
        for images in study.milestones
        for metric in result.evaluations.get(images, {}).values()
        if isinstance(metric, StoredMetric)
    }
    return bool(payers) and study.name not in payers
