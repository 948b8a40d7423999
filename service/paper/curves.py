"""A study's curves as one long frame: the training loss in its logging windows, and every measured metric."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from dit_core.errors import UserError
from service.analysis.study_result import StudyResult
from service.records.store import Store

COLUMNS = ["study", "arm", "seed", "images", "quantity", "value"]
FORMATS = ("csv", "parquet")


def curves(result: StudyResult, store: Store) -> pd.DataFrame:
    """Returns the curves of all trials.

    Args:
        result: the study's results.
        store: where its records are.

    Returns:
        ``study``, ``arm``, ``seed``, ``images`` (training images seen), ``quantity`` (``loss``, ``mse``, ``vb``, or a
        metric's name), ``value``, then ``StudyResult.config_fields``. Sorted as the study has its trials.
    """
    rows = list(_rows(result, store))
    config = result.arms[["arm", *result.config_fields]]
    return pd.DataFrame(rows, columns=COLUMNS).merge(config, on="arm", how="left")


def _rows(result: StudyResult, store: Store) -> Iterator[tuple[Any, ...]]:
    measured: dict[tuple[str, int], list[tuple[int, str, float]]] = {}
    for row in result.evaluations.to_dict("records"):
        measured.setdefault((row["arm"], row["seed"]), []).append((row["images"], row["metric"], row["value"]))
    for trial in result.trials.to_dict("records"):
        arm, seed = trial["arm"], trial["seed"]
        for point in store.curve_points(trial["train_id"]):
            for quantity in ("loss", "mse", "vb"):
                yield result.study.name, arm, seed, point.images, quantity, getattr(point, quantity)
        for images, metric, value in measured.get((arm, seed), ()):
            yield result.study.name, arm, seed, images, metric, value


def write_curves(frame: pd.DataFrame, form: str, to: Path) -> None:
    """Writes the curves to a file.

    Args:
        frame: what ``curves`` returned.
        form: ``csv`` or ``parquet``.
        to: the file.

    Raises:
        UserError: it cannot be written.
    """
    try:
        if form == "parquet":
            frame.to_parquet(to, index=False)
        else:
            frame.to_csv(to, index=False)
    except OSError as error:
        raise UserError(f"--to: cannot write {to} ({error.strerror or error})") from None
