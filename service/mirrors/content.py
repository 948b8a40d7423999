"""A study's runs as mirrors are given them, from the store's records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dit_core.events import MetricResult
from dit_core.gflops import count
from dit_core.identity import digest
from service.analysis.status import TrialStatus
from service.analysis.study_result import StudyResult
from service.mirrors.base import Grid, MirroredRun, Point, Table
from service.mlflow_sync import content
from service.mlflow_sync.tracked_run import Row, milliseconds
from service.records.measurements import StoredMetric
from service.records.results import TrialResult
from service.records.store import Store

_VERDICTS = ("question", "value", "arm", "reference", "status", "verdict", "difference", "low", "high", "p", "seeds")
_ARMS = ("arm", "status", "seeds", "images", "mean", "spread", "difference", "low", "high", "p", "verdict")


def runs_of(result: StudyResult, store: Store) -> Iterator[MirroredRun]:
    """Yields a run for each trial of which something is recorded, then one for the study."""
    summary = result.summary
    for arm in summary.arms:
        for status in arm.statuses:
            run = _trial(result, store, status)
            if run.points or run.grids:
                yield run
    study = result.study
    frames = {"verdicts": (_VERDICTS, result.contrast_rows.json()), "arms": (_ARMS, result.arm_rows.json())}
    yield MirroredRun(
        study=study.name,
        key=digest({"store": store.id, "study": study.name})[:32],
        name=study.name,
        kind="study",
        config={
            "profile": study.baseline.profile,
            "primary_metric": study.primary_metric,
            "policy": study.policy.name,
            "seeds": ", ".join(map(str, study.seeds)),
            "budget_images": study.budget_images,
            "rungs": ", ".join(map(str, study.rungs)) or "none",
        },
        tags={"status": "running" if result.running else "finished" if result.done else "not finished"},
        tables={
            name: Table(columns, tuple(tuple(_cell(row[column]) for column in columns) for row in rows))
            for name, (columns, rows) in frames.items()
        },
    )


def _trial(result: StudyResult, store: Store, status: TrialStatus) -> MirroredRun:
    summary, trial = result.summary, status.trial
    found, milestones = summary.results[trial.name], summary.study.milestones
    config = trial.config
    cost = count(config.model, config.training.mask_ratio)
    began = content.began(store, status.train_id, found)
    rows = list(content.cost_rows(cost, began)) if began is not None else []
    measured = list(content.evaluation_rows(summary, found, final=status.is_final))
    curve: list[Row] = []
    if trial.arm.name not in summary.weights_of:
        feed = content.CurveFeed(store, status.train_id, cost, summary.study.budget_images)
        feed.look()
        curve = list(feed.rows())
    begun = bool(curve or measured)
    return MirroredRun(
        study=summary.study.name,
        key=_key(store, status),
        name=trial.name,
        kind="trial",
        config=_flat(config.model_dump(mode="json")),
        tags={
            name: str(value) for name, value in content.tags(trial, summary.expansion, status.train_id, status).items()
        },
        points=_points([*rows, *curve, *measured]) if begun else (),
        grids=tuple(_grids(store, found, milestones)),
    )


def _key(store: Store, status: TrialStatus) -> str:
    """Identifies a trial's run: the store, its weights, and how they are measured."""
    config = status.trial.config
    evaluation = config.evaluation.model_dump(mode="json")
    return digest({"store": store.id, "train": status.train_id, "evaluation": evaluation, "vae": config.data.vae})[:32]


def _points(rows: list[Row]) -> tuple[Point, ...]:
    """Returns the rows as points; of windows that were trained twice, the first."""
    first: dict[tuple[str, int], Point] = {}
    for key, value, time, images in rows:
        first.setdefault((key, images), Point(key, value, time / 1000, images))
    return tuple(sorted(first.values(), key=lambda point: point.images))


def _grids(store: Store, result: TrialResult, milestones: tuple[int, ...]) -> Iterator[Grid]:
    for images in milestones:
        metrics = result.evaluations.get(images, {})
        if any(isinstance(metric, StoredMetric) and metric.grid is not None for metric in metrics.values()):
            yield Grid(images, _time(metrics), lambda metrics=metrics: store.grid(metrics))  # type: ignore[misc]


def _time(metrics: Mapping[str, MetricResult]) -> float:
    written = [milliseconds(metric.written) for metric in metrics.values() if isinstance(metric, StoredMetric)]
    return min(written) / 1000


def _cell(value: object) -> str | float | int | None:
    return value if isinstance(value, str | float | int) or value is None else str(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = ", ".join(map(str, value)) if isinstance(value, list) else value
    return flat
