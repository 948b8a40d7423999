"""Every metric once, in the same run, under the same parent, whatever happened to the store or to MLflow."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from finished_study import BUDGET, PATCHES, RUNG, run_locally, tiny_study, up_to_rung
from mlflow_rows import KEY, STORE, ask, contents, db_of, empty_database, names, rows

from service.mlflow_sync import About, MlflowSync, default_tracking_uri
from service.mlflow_sync.connection import connect
from service.preflight import Prepared
from service.records.store import Store

Study = tuple[Prepared, Store]


def small(name: str = "tiny", **changes: Any) -> Any:
    return tiny_study(name, **{"ablations": [PATCHES], "seeds": [0], **changes})


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_database(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def finished(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    store = Store(tmp_path_factory.mktemp("finished") / "store")
    prepared = run_locally(small(), store)
    shutil.copy(empty, db_of(store))
    return prepared, store


@pytest.fixture
def study(finished: Study, tmp_path: Path) -> Study:
    """A finished study, and an empty tracking database."""
    shutil.copytree(finished[1].path, tmp_path / "store")
    return finished[0], Store(tmp_path / "store")


def synced(prepared: Prepared, store: Store, uri: str | None = None, **more: Any) -> MlflowSync:
    sync = MlflowSync(uri, prepared, store, **more)
    assert sync.finish() is None
    return sync


def once(path: Path, study: Study | None = None, store_id: str | None = None) -> Counter[tuple[str, str, int]]:
    """Every metric there, each once; where the study is given, its every measurement and window is among them."""
    found = rows(path, store_id)
    assert found and set(found.values()) == {1}, [row for row, number in found.items() if number > 1]
    if study is not None:
        prepared, store = study
        for trial in prepared.expansion.trials:
            points = store.curve_points(prepared.train_ids[trial.name])
            assert points and all(found[trial.name, "train_loss", point.images] == 1 for point in points)
            measured = store.evaluations(prepared.train_ids[trial.name], trial.config, (RUNG, BUDGET))
            assert all(found[trial.name, "fd_digits_cnn", images] == 1 for images in measured)
    return found


def ids(path: Path) -> dict[str, str]:
    return dict(ask(path, "select name, run_uuid from runs where lifecycle_stage = 'active'"))


# -- what happens to the records ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_studies_with_other_rungs_over_the_same_arms(study: Study) -> None:
    prepared, store = study
    synced(prepared, store)
    before = contents(db_of(store))
    other = run_locally(small("other", rungs=[64, 192]), store)  # trains stretches with other ends again
    synced(other, store)
    synced(prepared, store)
    found = once(db_of(store), study)
    assert set(rows(db_of(store), study="other").values()) == {1}
    assert len([row for row in found if row[1] == "train_seconds"]) > len(prepared.expansion.trials)
    after = contents(db_of(store))
    assert all(set(before[run][3]) <= set(after[run][3]) for run in before), "what was there stays as it was"


@pytest.mark.slow
@pytest.mark.parametrize("damaged", ["evaluations/*.json", "trial.json", "curve/0001.json"])
def test_what_is_damaged_and_healed_adds_no_second_row(study: Study, damaged: str) -> None:
    prepared, store = study
    synced(prepared, store)
    before, rows_before = ids(db_of(store)), once(db_of(store), study)
    for path in store.path.glob(f"trials/*/{damaged}"):
        path.write_bytes(path.read_bytes()[:-40])
    synced(prepared, Store(store.path))
    assert once(db_of(store)) == rows_before and ids(db_of(store)) == before
    healed = Store(store.path)
    synced(run_locally(small(), healed), healed)  # measures again, at another time
    assert once(db_of(store)) == rows_before and ids(db_of(store)) == before


def test_a_fresh_database_gets_it_all_though_the_first_record_of_a_trial_is_damaged(study: Study) -> None:
    prepared, store = study
    for path in store.path.glob("trials/*/trial.json"):
        path.write_bytes(b"{")
    synced(prepared, store)
    again = contents(db_of(store))
    synced(prepared, Store(store.path))
    assert once(db_of(store), study) and contents(db_of(store)) == again


# -- what happens to MLflow ---------------------------------------------------------------------------------------


def test_runs_deleted_on_the_pages_are_restored(study: Study) -> None:
    prepared, store = study
    sync = synced(prepared, store)
    before, whole = contents(db_of(store)), ids(db_of(store))
    client = connect(default_tracking_uri(store))
    for name in ("tiny", "baseline seed=0"):
        client.delete_run(whole[name])
    assert sync.finish() is None
    assert contents(db_of(store)) == before
    client.delete_run(whole["baseline seed=0"])
    synced(prepared, store)  # another process
    assert contents(db_of(store)) == before and once(db_of(store), study)
    client.delete_run(whole["tiny"])
    assert sync.sync() and ids(db_of(store)) == whole, "while it runs, too"


def test_runs_removed_for_good_are_made_anew(study: Study) -> None:
    prepared, store = study
    sync = synced(prepared, store)
    before, whole = once(db_of(store)), ids(db_of(store))
    for name in ("tiny", "baseline seed=0"):
        for table in ("metrics", "latest_metrics", "params", "tags", "runs"):
            ask(db_of(store), f"delete from {table} where run_uuid = ?", whole[name])
    assert sync.finish() is None
    assert once(db_of(store), study) == before
    parents = ask(db_of(store), "select distinct value from tags where key = 'mlflow.parentRunId'")
    assert parents == [(ids(db_of(store))["tiny"],)]


# -- who else writes ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_several_writers_at_once_make_one_run_of_each(study: Study) -> None:
    prepared, store = study
    start = threading.Barrier(3)
    problems: list[str | None] = []

    def write() -> None:
        own = Store(store.path)
        sync = MlflowSync(None, prepared, own)
        start.wait(600)
        for _ in range(4):  # a run that was removed as a duplicate is one failure, and then it is found
            problem = sync.finish()
        problems.append(problem)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert problems == [None] * 3
    synced(prepared, store)
    assert set(names(db_of(store)).values()) == {1} and once(db_of(store), study)


def test_a_second_run_of_a_key_is_put_away_and_stays_so(study: Study) -> None:
    prepared, store = study
    synced(prepared, store)
    client = connect(default_tracking_uri(store))
    first = client.get_run(ids(db_of(store))["baseline seed=0"])
    tags = {key: first.data.tags[key] for key in (STORE, KEY, "study", "mlflow.parentRunId")}
    for _ in range(2):
        client.create_run(first.info.experiment_id, tags=tags, run_name="baseline seed=0")
    synced(prepared, store)
    assert set(names(db_of(store)).values()) == {1}
    kept = ids(db_of(store))
    client.delete_experiment(first.info.experiment_id)  # deletes every run, and restoring it restores every run
    synced(prepared, store)
    assert ids(db_of(store)) == kept and once(db_of(store), study)


def test_who_was_superseded_writes_nothing_more(study: Study) -> None:
    prepared, store = study
    left = 7

    def may_write() -> bool:
        nonlocal left
        left -= 1
        return left > 0

    zombie = MlflowSync(None, prepared, store, may_write)
    assert zombie.sync() is False and zombie.problem is None and zombie.writes < 7
    before = contents(db_of(store))
    assert zombie.sync() is False and zombie.finish() is None
    assert contents(db_of(store)) == before
    synced(prepared, store)
    assert once(db_of(store), study) and set(names(db_of(store)).values()) == {1}


def test_who_was_refused_makes_not_even_a_database(finished: Study, tmp_path: Path) -> None:
    refused = MlflowSync(f"sqlite:///{tmp_path}/sub/mlflow.db", *finished, lambda: False)
    assert refused.sync() is False and refused.finish() is None
    assert not list(tmp_path.iterdir())


# -- other stores -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_stores_with_one_study_in_one_mlflow_never_touch(study: Study, empty: Path, tmp_path: Path) -> None:
    prepared, store = study
    shared = tmp_path / "shared.db"
    shutil.copy(empty, shared)
    uri = f"sqlite:///{shared}"
    synced(prepared, store, uri)
    before = contents(shared)
    other = up_to_rung(store, tmp_path / "other")
    (other.path / "identity.json").unlink()
    assert MlflowSync(uri, prepared, other).finish({"baseline seed=0": "the disk is full"}) is None
    after = contents(shared)
    assert {run: after[run] for run in before} == before
    new = {run: content for run, content in after.items() if run not in before}
    assert len(new) == len(before) and Counter(content[0][1] for content in new.values())["FAILED"] == 2
    (parent,) = [content[0][0] for content in new.values() if content[0][0].startswith("tiny")]
    assert parent.startswith("tiny (") and f"store {other.id[:8]}" in parent
    synced(prepared, store, uri)
    assert {run: contents(shared)[run] for run in new} == new
    assert once(shared, study, store.id) == once(db_of_synced(study), study)
    once(shared, None, other.id)


def db_of_synced(study: Study) -> Path:
    synced(*study)
    return db_of(study[1])


def as_an_earlier_version(path: Path) -> None:
    for table in ("tags", "experiment_tags"):
        ask(path, f"delete from {table} where key = ?", STORE)


def test_runs_of_an_earlier_version_are_adopted_in_the_default_database(study: Study) -> None:
    prepared, store = study
    synced(prepared, store)
    before = contents(db_of(store))
    as_an_earlier_version(db_of(store))
    synced(prepared, Store(store.path))
    assert contents(db_of(store)) == before


@pytest.mark.slow
def test_elsewhere_they_are_adopted_by_the_store_that_recorded_them_only(
    study: Study, empty: Path, tmp_path: Path
) -> None:
    prepared, store = study
    shared = tmp_path / "shared.db"
    shutil.copy(empty, shared)
    synced(prepared, store, f"sqlite:///{shared}")
    before = contents(shared)
    as_an_earlier_version(shared)
    left = contents(shared)
    other = Store(tmp_path / "other")
    synced(run_locally(small(), other), other, f"sqlite:///{shared}")
    assert {run: contents(shared)[run] for run in before} == left, "another store leaves them alone"
    synced(prepared, store, f"sqlite:///{shared}")
    after = contents(shared)
    assert {run: after[run] for run in before} == before
    assert len(after) == 2 * len(before)


# -- what else is known -------------------------------------------------------------------------------------------


def test_what_else_is_known_of_a_trial_is_shown_in_its_run(study: Study) -> None:
    prepared, store = study
    about = About({"damage": "a stretch of the curve is missing"}, {"provenance.json": b"{}"})
    synced(prepared, store, about=lambda train_id: about)
    run = ids(db_of(store))["baseline seed=0"]
    assert ask(db_of(store), "select value from tags where run_uuid = ? and key = 'damage'", run) == [
        ("a stretch of the curve is missing",)
    ]
    assert (store.path / "mlflow-artifacts" / run / "artifacts" / "provenance.json").read_bytes() == b"{}"


def test_a_trial_costs_a_few_calls_and_what_did_not_change_none(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    asked: Counter[str] = Counter()
    for name in (
        "create_run",
        "log_batch",
        "log_inputs",
        "set_tag",
        "set_terminated",
        "search_runs",
        "get_metric_history",
    ):
        call = getattr(MlflowClient, name)

        def counted(*arguments: Any, _call: Any = call, _name: str = name, **more: Any) -> Any:
            asked[_name] += 1
            return _call(*arguments, **more)

        monkeypatch.setattr(MlflowClient, name, counted)
    prepared, store = study
    trials = len(prepared.expansion.trials)
    sync = synced(prepared, store)
    assert asked["create_run"] == trials + 1 and asked["log_batch"] <= trials + 2
    assert asked["log_inputs"] == trials
    assert asked["set_terminated"] == trials + 1 and asked["set_tag"] == 0
    assert asked["search_runs"] < 8, "the same number however many trials there are"
    made, before = sync.writes, rows(db_of(store))
    asked.clear()
    assert sync.finish() is None and sync.writes == made
    assert synced(prepared, store).writes == 0, "another process finds that nothing has changed"
    assert asked["get_metric_history"] == 0 and rows(db_of(store)) == before
