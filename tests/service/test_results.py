"""Results are what the store holds for a study's own trials, and nothing else."""

from __future__ import annotations

from pathlib import Path

from small_studies import METRIC, decided, expansion, result

from dit_core.events import Diverged, Evaluated, MetricResult
from service.analysis.status import trial_statuses
from service.records.results import collect
from service.records.store import Store


def measured(store: Store, study, train_ids, trial, images: int, value: float, paid_by: str) -> None:
    event = Evaluated(images, (MetricResult(METRIC, value),), b"", 0.0, 0.0)
    store.add_evaluation(train_ids[trial.name], trial.config, event, paid_by)


def test_collect_and_statuses(tmp_path: Path) -> None:
    study = expansion({"a": {"model": {"hidden_size": 32}}, "b": {"model": {"patch_size": 2}}}, seeds=(0,))
    ids = {trial.name: f"{index:064d}" for index, trial in enumerate(study.trials)}
    baseline, a, b = study.trials
    store = Store(tmp_path / "store")
    for images in (128, 256, 384):
        measured(store, study, ids, baseline, images, 1.0, "another")
    measured(store, study, ids, a, 128, 2.0, "tiny")
    measured(store, study, ids, a, 200, 9.0, "another")  # not a milestone of this study
    store.add_divergence(ids[b.name], Diverged(64, "the loss is nan"))

    results = collect(study, store, ids, failed={a.name: "it broke"})
    assert list(results) == [trial.name for trial in study.trials]
    assert results[a.name].value(METRIC, 128) == 2.0 and results[a.name].value(METRIC, 256) is None
    assert results[a.name].failed == "it broke" and results[b.name].diverged == Diverged(64, "the loss is nan")

    _, stops = decided(study, results)
    statuses = {status.trial.name: status for status in trial_statuses(study.study, results, stops)}
    assert str(statuses[baseline.name].state) == "reused" and statuses[baseline.name].is_final
    assert (str(statuses[a.name].state), statuses[a.name].images, statuses[a.name].metric.value) == ("failed", 128, 2.0)
    assert (str(statuses[b.name].state), statuses[b.name].metric) == ("diverged", None)


def test_an_evaluation_without_every_metric_is_not_complete(tmp_path: Path) -> None:
    study = expansion({}, seeds=(0,), evaluation={"metrics": (METRIC, "fid")})
    (trial,) = study.trials
    ids = {trial.name: "c" * 64}
    store = Store(tmp_path / "store")
    measured(store, study, ids, trial, 128, 1.0, "tiny")
    assert collect(study, store, ids)[trial.name].evaluations == {}
    event = Evaluated(128, (MetricResult("fid", 3.0),), b"", 0.0, 0.0)
    store.add_evaluation(ids[trial.name], trial.config, event, "tiny")
    assert set(collect(study, store, ids)[trial.name].evaluations[128]) == {METRIC, "fid"}


def test_running_and_pending() -> None:
    study = expansion({"a": {}}, seeds=(0,))
    results = {trial.name: result(trial, {}) for trial in study.trials}
    states = [str(s.state) for s in trial_statuses(study.study, results, (), frozenset({"a seed=0"}))]
    assert states == ["pending", "running"]
