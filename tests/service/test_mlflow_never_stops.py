"""An MLflow that is down, hangs or is locked: the study runs, says so, and `dit-ablate sync` catches up."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mlflow_rows import contents, empty_database, names, rows
from tiny_study import dit_ablate, write_study

from service.client import Client
from service.mlflow_sync import connection, database
from service.records.claims import claim_study
from service.records.store import Store


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_database(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A study that was run while nothing answered at MLflow's address; and what was printed."""
    folder = tmp_path_factory.mktemp("offline")
    path = write_study(folder, seeds=[0], rungs=[])
    result = dit_ablate(
        "run", path, "--executor", "local", "--store", folder / "store", "--tracking-uri", "http://127.0.0.1:9"
    )
    assert result.exit_code == 0, result.stdout + result.stderr
    return folder / "store", result.stdout + result.stderr


@pytest.fixture
def store(offline: tuple[Path, str], empty: Path, tmp_path: Path) -> Path:
    shutil.copytree(offline[0], tmp_path / "store")
    shutil.copy(empty, tmp_path / "store" / "mlflow.db")
    return tmp_path / "store"


def again(store: Path, uri: str | None = None) -> str:
    """Runs the study again, in which nothing is left to do."""
    arguments = ["run", "tiny", "--executor", "local", "--store", store]
    result = dit_ablate(*arguments, *(("--tracking-uri", uri) if uri else ()))
    assert result.exit_code == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_a_server_that_is_down_stops_nothing_and_is_told_at_the_start_and_at_the_end(
    offline: tuple[Path, str],
) -> None:
    store, printed = offline
    assert "training goes on, and MLflow catches up when it is back" in printed
    assert "MLflow at http://127.0.0.1:9 is not up to date (" in printed
    assert f"`dit-ablate sync tiny --tracking-uri http://127.0.0.1:9 --store {store}` catches up" in printed
    assert "Traceback" not in printed
    assert not (store / "mlflow.db").exists()
    assert "not up to date" in again(store, "http://127.0.0.1:9"), "with nothing left to run, too"


@pytest.mark.slow
def test_sync_catches_up_from_the_records_alone(store: Path) -> None:
    for arguments in (("sync", "tiny"), ("sync",)):
        result = dit_ablate(*arguments, "--store", store)
        assert result.exit_code == 0 and result.stdout.strip() == "tiny: MLflow is up to date", result.stderr
    first = contents(store / "mlflow.db")
    assert set(rows(store / "mlflow.db").values()) == {1}
    assert set(names(store / "mlflow.db").values()) == {1} and len(first) == 4
    assert {content[0][1] for content in first.values()} == {"FINISHED"}
    (parent,) = [run for run, content in first.items() if content[0][0] == "tiny"]
    held = {path.name for path in (store / "mlflow-artifacts" / parent / "artifacts").rglob("*") if path.is_file()}
    assert {"report.html", "report.md", "study.yaml", "preview.txt", "provenance.json"} <= held
    again(store)
    after = contents(store / "mlflow.db")
    for held in (first, after):  # the study's description ends in the newest run's command: this one names no server
        held[parent] = tuple([pair for pair in part if pair[0] != "mlflow.note.content"] for part in held[parent][1:])
    assert after == first, "the run itself adds nothing to what sync wrote"


def test_sync_says_what_it_could_not_do(store: Path) -> None:
    down = dit_ablate("sync", "--store", store, "--tracking-uri", "http://127.0.0.1:9")
    assert down.exit_code == 1 and "nothing answers at http://127.0.0.1:9" in down.stderr
    for arguments in (("sync", "tino"), ("sync", "--tracking-uri", "htp://x")):
        refused = dit_ablate(*arguments, "--store", store)
        assert refused.exit_code == 2 and "did you mean" in refused.stderr
    for path in (store / "studies" / "tiny" / "definitions").iterdir():
        path.write_bytes(b"{")
    damaged = dit_ablate("sync", "--store", store)
    assert damaged.exit_code == 1 and "the definition of 'tiny'" in damaged.stderr


@pytest.fixture
def hanging() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@pytest.mark.slow
def test_a_server_that_hangs_stops_nothing(store: Path, hanging: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.5)
    assert "does not answer within 0.5 s" in again(store, hanging)


@pytest.mark.slow
def test_a_database_that_is_locked_stops_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    with contextlib.closing(sqlite3.connect(store / "mlflow.db", isolation_level=None)) as other:
        other.execute("begin exclusive")
        printed = again(store)
        assert "database is locked" in printed and "not up to date" in printed and "Traceback" not in printed
        assert dit_ablate("sync", "--store", store).exit_code == 1
        other.execute("rollback")
    assert dit_ablate("sync", "--store", store).exit_code == 0
    assert set(rows(store / "mlflow.db").values()) == {1}


@pytest.mark.slow
def test_artifacts_that_cannot_be_written_stop_nothing(store: Path) -> None:
    artifacts = store / "mlflow-artifacts"
    artifacts.write_text("a file where the folder must go: nothing below it can be made, not even by root")
    printed = again(store)
    assert "not up to date" in printed and "Traceback" not in printed
    artifacts.unlink()
    assert dit_ablate("sync", "--store", store).exit_code == 0
    assert set(rows(store / "mlflow.db").values()) == {1} and list(artifacts.rglob("report.html"))


def test_an_address_that_can_never_work_is_refused_before_anything_runs(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    arguments = ("run", path, "--executor", "local", "--store", tmp_path / "store")
    refused = dit_ablate(*arguments, "--tracking-uri", "ftp://mlflow")
    assert refused.exit_code == 2 and "unknown scheme 'ftp'" in refused.stderr
    assert not list((tmp_path / "store").glob("studies/*")) and not list((tmp_path / "store").glob("trials/*"))


@pytest.mark.slow
def test_sync_beside_a_run_ends_nothing(store: Path) -> None:
    client = Client(store=store)
    assert client.sync() == {"tiny": None}
    claim = claim_study(Store(store), "tiny")
    beat = {"pid": os.getpid(), "host": socket.gethostname(), "time": datetime.now(UTC).isoformat()}
    (store / "studies" / "tiny" / "live.json").write_text(json.dumps({**beat, "running": [], "run": claim.run}))
    assert client.sync("tiny") == {"tiny": None}
    states = {content[0][0]: content[0][1] for content in contents(store / "mlflow.db").values()}
    assert states.pop("tiny") == "RUNNING" and set(states.values()) == {"FINISHED"}
    claim.end()
    assert client.sync("tiny") == {"tiny": None}
    assert {content[0][1] for content in contents(store / "mlflow.db").values()} == {"FINISHED"}
