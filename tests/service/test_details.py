"""Records say free-form things beside a value: a report reads what it knows and survives what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from finished_study import PATCHES, begin, tiny_study

from dit_core.events import Evaluated, MetricResult
from service.analysis.copies import copies, told
from service.analysis.floors import floors
from service.analysis.numbers import MetricFormat
from service.analysis.summary import Summary, summarise
from service.mlflow_sync.content import evaluation_rows
from service.preflight import Prepared
from service.records.store import Store
from service.report.method import facts

KNOWN = {
    "samples": 64, "reference": "train", "reference_images": 1438, "held_out_images": 359, "floor_at_samples": 1.5,
    "floor_extrapolated": True, "data_copying_statistic": -0.3, "data_copying_share": 0.49,
    "data_copying_training_images": 359,
}  # fmt: skip
IMAGES = 256


@pytest.fixture
def study(tmp_path: Path) -> tuple[Prepared, Store]:
    store = Store(tmp_path)
    return begin(tiny_study(ablations=[PATCHES], seeds=[0], rungs=[], budget_images=IMAGES), store), store


def read(prepared: Prepared, store: Store, details: dict[str, Any]) -> tuple[Summary, str]:
    """What is told of a trial that was measured with such details."""
    trial, *_ = prepared.expansion.trials
    metric = MetricResult(prepared.expansion.study.primary_metric, 20.0, 2.0, details)
    store.begin(prepared.train_ids[trial.name], trial.config)
    store.add_evaluation(prepared.train_ids[trial.name], trial.config, Evaluated(IMAGES, (metric,), b"", 1.0, 0.5), "x")
    summary = summarise(prepared, store)
    return summary, " ".join(fact.text for fact in facts(prepared, summary, store, MetricFormat(2)))


def test_what_is_known_is_told(study: tuple[Prepared, Store]) -> None:
    summary, text = read(*study, KNOWN)
    assert "64 generated images against 1,438 training images" in text and "359 held out" in text
    assert told(copies(summary)) in text and told(copies(summary))


@pytest.mark.parametrize("value", ["many", None, [], {"a": 1}, float("nan"), True, ...], ids=str)
@pytest.mark.parametrize("key", KNOWN)
def test_what_is_not_is_left_out(study: tuple[Prepared, Store], key: str, value: Any) -> None:
    details = {name: known for name, known in KNOWN.items() if name != key}
    summary, _text = read(*study, details if value is ... else {**details, key: value})
    assert (copies(summary) == ()) == key.startswith("data_copying")
    assert floors(summary.results.values())
    rows = [list(evaluation_rows(summary, result, final=True)) for result in summary.results.values()]
    assert rows[0]
