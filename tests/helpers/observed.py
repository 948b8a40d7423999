"""What a finished study shows, in a form that two runs can be compared by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from small_studies import METRIC

from service.preflight import Prepared
from service.records.store import Store


def losses(store: Store, prepared: Prepared, trial: str) -> list[tuple[int, float, float]]:
    """The curve of a trial: (images, loss, mse) exactly as recorded."""
    points = store.curve_points(prepared.train_ids[trial])
    return [(point.images, point.loss, point.mse) for point in points]


def evaluations(store: Store, prepared: Prepared) -> dict[tuple[str, int], float]:
    """(trial, images) -> metric, exactly as recorded."""
    found = {}
    for trial in prepared.expansion.trials:
        for images, metrics in store.evaluations(
            prepared.train_ids[trial.name], trial.config, prepared.expansion.study.milestones
        ).items():
            found[trial.name, images] = metrics[METRIC].value
    return found


def everything(store: Store, prepared: Prepared, outcome: Any) -> dict[str, Any]:
    """States, stops, curves and measurements."""
    return {
        "states": {status.trial.name: str(status.state) for status in outcome.statuses},
        "stops": outcome.stops,
        "evaluations": evaluations(store, prepared),
        "losses": {trial.name: losses(store, prepared, trial.name) for trial in prepared.expansion.trials},
    }


def curve_files(store: Store) -> set[Path]:
    """Every curve record in the store."""
    return set((store.path / "trials").glob("*/curve/*.json"))
