"""What a trial's MLflow run says, as plain data computed from the store's records. No MLflow here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dit_core.events import MetricResult
from dit_core.gflops import Cost, training_gmacs
from search_spaces.study import Study
from search_spaces.types import Arm, Expansion, Trial
from service.analysis import verdict_text
from service.analysis.budgets import Budget
from service.analysis.details import number
from service.analysis.numbers import whole
from service.analysis.status import StateKind, TrialState, TrialStatus
from service.mlflow_sync import names
from service.mlflow_sync.tracked_run import Row, as_milliseconds, milliseconds
from service.records.kinds import Point, Stretch
from service.records.measurements import StoredMetric
from service.records.results import TrialResult
from service.records.store import Store
from service.report.style import BASELINE, OKABE_ITO
from service.statistics.verdict import Verdicts

if TYPE_CHECKING:
    from service.analysis.summary import Summary
    from service.engine.wire import TimedPoint


def run_status(state: TrialState) -> str:
    """Maps a trial's state to MLflow's run status.

    A trial stopped at a rung is KILLED: it ended on purpose, before its budget, and must not look finished.
    One that waits for its next segment is SCHEDULED.
    """
    return {
        StateKind.COMPLETED: "FINISHED",
        StateKind.REUSED: "FINISHED",
        StateKind.SPARED: "FINISHED",
        StateKind.DIVERGED: "FAILED",
        StateKind.FAILED: "FAILED",
        StateKind.STOPPED: "KILLED",
        StateKind.RUNNING: "RUNNING",
        StateKind.PENDING: "SCHEDULED",
    }[state.kind]


def tags(trial: Trial, expansion: Expansion, train_id: str, status: TrialStatus) -> dict[str, Any]:
    """Returns the tags that say what the run is and where it stands."""
    return {
        "study": expansion.study.name,
        "kind": "trial",
        "trial": trial.name,
        "arm": trial.arm.name,
        "baseline": str(trial.arm.is_baseline).lower(),
        "ablations": "; ".join(trial.arm.ablations) or "baseline",
        "seed": trial.seed,
        "train_id": train_id,
        "status": in_words(status.state, expansion.study),
        "evaluated_images": status.images,
        **({"weights_of": weights_of} if (weights_of := _weights_of(trial, expansion)) else {}),
    }


def in_words(state: TrialState, study: Study) -> str:
    """Returns where a trial stands; of a stopped one, by which policy and where: it is never shown as finished."""
    if state.kind is StateKind.STOPPED and state.images is not None:
        return f"stopped: {study.policy.name} at {whole(state.images)} images"
    return str(state)


def verdict_tag(verdicts: Verdicts, arm: Arm) -> dict[str, str]:
    """Returns the tag on how an arm compares with the baseline."""
    verdict = verdicts.of(arm.name)
    said = "baseline" if arm.is_baseline else "not compared" if verdict is None else verdict_text.word(verdict)
    return {"verdict": said}


def colours(expansion: Expansion) -> dict[str, dict[str, str]]:
    """Returns arm -> the tag with the colour that its runs have in charts; the baseline's is the report's."""
    others = (arm.name for arm in expansion.arms if not arm.is_baseline)
    own = {name: OKABE_ITO[place % len(OKABE_ITO)] for place, name in enumerate(others)}
    return {arm.name: {"mlflow.runColor": own.get(arm.name, BASELINE)} for arm in expansion.arms}


def _weights_of(trial: Trial, expansion: Expansion) -> str | None:
    """The trial whose weights this one evaluates, if it is not trained for itself."""
    arm = expansion.weights_of.get(trial.arm.name)
    return None if arm is None else Trial(expansion.arm(arm), trial.seed).name


class CurveFeed:
    """A trial's training curve as metric rows: losses, compute and speed by window, seconds by stretch.

    Every stretch is read once, by ``look``. Windows that are not recorded yet come from the live tail, with the times
    that their record will have, so both give the same rows. Stretches that were trained twice have the same points
    with other times: whoever logs the rows keeps the first of them (``TrackedRun``). Seconds count both trainings.

    Args:
        store: where the records are.
        train_id: the trial.
        cost: of a forward pass.
        budget: what lies beyond this many images is left out.
    """

    def __init__(self, store: Store, train_id: str, cost: Cost, budget: int) -> None:
        self._store, self._train_id, self._cost, self._budget = store, train_id, cost, budget
        self._next, self._seconds = 1, 0.0
        self._new: list[Stretch] = []

    def look(self) -> None:
        """Reads what has been recorded since the last time.

        Whoever looks before it asks the store for the curve's seconds has it read once for both.
        """
        found, self._next = self._store.stretches(self._train_id, self._next)
        self._new += found

    @property
    def has_news(self) -> bool:
        """Whether ``look`` has found something that ``rows`` has not handed out."""
        return bool(self._new)

    def rows(self, tail: Sequence[TimedPoint] = ()) -> Iterator[Row]:
        """Yields what ``look`` has found since the last call, and the tail."""
        stretches, self._new = self._new, []
        for stretch in stretches:
            if stretch.start >= self._budget:
                continue
            before = (stretch.start, stretch.began)
            for point in stretch.points:
                yield from self._window(point, stretch.time(point), before)
                before = (point.images, stretch.time(point))
            self._seconds += stretch.seconds
            if stretch.images <= self._budget:
                time = as_milliseconds(stretch.began + stretch.seconds)
                yield ("train_seconds", self._seconds, time, stretch.images)
                if stretch.peak_memory is not None:
                    yield ("peak_memory_bytes", stretch.peak_memory, time, stretch.images)
        for earlier, timed in zip((None, *tail), tail, strict=False):
            yield from self._window(timed, timed.time, None if earlier is None else (earlier.images, earlier.time))

    def _window(self, point: Point | TimedPoint, seconds: float, before: tuple[int, float] | None) -> Iterator[Row]:
        """The rows of one window; the speed needs to know where, and when, it began."""
        images, time = point.images, as_milliseconds(seconds)
        if images > self._budget:
            return
        yield ("train_loss", point.loss, time, images)
        yield ("train_mse", point.mse, time, images)
        yield ("train_vb", point.vb, time, images)
        yield ("training_gflops", training_gmacs(self._cost, images), time, images)
        if before is not None and seconds > before[1]:
            yield ("images_per_second", (images - before[0]) / (seconds - before[1]), time, images)


_BESIDE = ("floor_at_samples", "data_copying_statistic", "data_copying_share")
"""Details of a measurement that are metrics of their own."""


def evaluation_rows(summary: Summary, result: TrialResult, *, final: bool) -> Iterator[Row]:
    """Yields every metric at the study's milestones, its floors, the test for copies, its cost, the final value.

    ``<metric>_final`` exists only for a trial that ran to the budget, so that sorting MLflow's table by it
    never ranks a stopped trial's rung against a finished one. It is rounded, as the table prints every digit. The
    primary metric comes first.

    Args:
        summary: the study.
        result: the trial's.
        final: whether the trial ran to the budget.
    """
    milestones, primary = summary.study.milestones, summary.study.primary_metric
    for images in reversed(milestones):
        found = result.evaluations.get(images, {})
        for name, metric in sorted(found.items(), key=lambda item: item[0] != primary):
            if not isinstance(metric, StoredMetric):
                continue
            time = milliseconds(metric.written)
            if final and images == milestones[-1]:
                yield (names.final(name), names.rounded(metric.value), time, images)
            yield (name, metric.value, time, images)
            if metric.floor is not None:
                yield (f"{name}_floor", metric.floor, time, images)
            for key in _BESIDE:
                if (beside := number(metric.details, key)) is not None:
                    yield (f"{name}_{key}", beside, time, images)
            if metric.sample_seconds or metric.score_seconds:
                yield ("sample_seconds", metric.sample_seconds, time, images)
                yield ("score_seconds", metric.score_seconds, time, images)


def evaluated(metrics: Mapping[str, MetricResult]) -> int:
    """Returns when a measurement was made, in milliseconds; 0 where that is not recorded."""
    return max((milliseconds(m.written) for m in metrics.values() if isinstance(m, StoredMetric)), default=0)


def closing_rows(status: TrialStatus, summary: Summary, store: Store, *, trained: bool) -> Iterator[Row]:
    """Yields what is known once a trial has ended: its difference to the baseline's trial, what it took.

    The difference is that of two trials with the same seed. It exists where arms are compared after equal images.

    Args:
        status: the trial.
        summary: the study.
        store: where its records are.
        trained: whether it is trained for itself, so that the training's time is its own.
    """
    if not status.is_final and status.state.kind is not StateKind.STOPPED:
        return
    study, result, arm = summary.study, summary.results[status.trial.name], status.trial.arm
    measured = [result.evaluations[images] for images in study.milestones if images in result.evaluations]
    time = max(map(evaluated, measured), default=0)
    values, seed = summary.compared.values, status.trial.seed
    if status.is_final and not arm.is_baseline and summary.compared.budget is Budget.IMAGES:
        own, baseline = (values.get(name, {}).get(seed) for name in (arm.name, summary.baseline.arm.name))
        if own is not None and baseline is not None:
            yield (names.DIFFERENCE, names.rounded(own - baseline), time, status.images)
    stored = [metric for metrics in measured for metric in metrics.values() if isinstance(metric, StoredMetric)]
    seconds = sum(metric.sample_seconds + metric.score_seconds for metric in stored)
    if trained:
        spans = store.spans(status.train_id)
        seconds += sum(span.seconds for span in spans if span.images <= study.budget_images)
    yield (names.DEVICE_MINUTES, names.rounded(seconds * study.resources.workers / 60, 3), time, status.images)


def began(store: Store, train_id: str, result: TrialResult) -> int | None:
    """Returns when a trial began, in milliseconds, from what is recorded; None where nothing is.

    It is when its configuration was recorded; where that record is damaged, the earliest of its other times.
    """
    begun = store.trial(train_id)
    if begun is not None:
        return milliseconds(begun.written)
    stretches, _ = store.stretches(train_id, 1)
    times = [as_milliseconds(stretch.began) for stretch in stretches]
    for metrics in result.evaluations.values():
        times += [milliseconds(metric.written) for metric in metrics.values() if isinstance(metric, StoredMetric)]
    return min(times, default=None)


def cost_rows(cost: Cost, time: int) -> Iterator[Row]:
    """Yields what one forward pass costs, and the size of the network."""
    yield ("gflops", cost.gmacs, time, 0)
    yield ("params_m", cost.params / 1e6, time, 0)


def gflops_json(cost: Cost) -> str:
    """Returns the breakdown of one forward pass by part, in 10^9 multiply-adds of one image."""
    return as_json(
        {
            "unit": "10^9 multiply-adds, backbone forward pass, one image",
            "total": cost.gmacs,
            "parts": cost.parts,
            "params": cost.params,
            "trainable_params": cost.trainable_params,
        }
    )


def config_json(trial: Trial) -> str:
    """Returns the resolved configuration."""
    return as_json(trial.config.model_dump(mode="json"))


def payers(result: TrialResult, milestones: tuple[int, ...], study: str) -> dict[str, int]:
    """Returns the other studies that paid for measurements used here -> the last milestone each paid for."""
    found: dict[str, int] = {}
    for images in milestones:
        for metric in result.evaluations.get(images, {}).values():
            if isinstance(metric, StoredMetric) and metric.study != study:
                found[metric.study] = images
    return found


def as_json(value: Any) -> str:
    """Returns JSON as people read it."""
    return json.dumps(value, indent=2, sort_keys=True) + "\n"
