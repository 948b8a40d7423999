"""The SQLite database: killed, damaged, of an older MLflow, moved, copied, and on a disk that is full."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from finished_study import PATCHES, run_locally, tiny_study
from mlflow_rows import ask, contents, db_of, empty_database, names, rows

from dit_core.errors import UserError
from service.mlflow_sync import MlflowSync, default_tracking_uri
from service.mlflow_sync.connection import connect
from service.mlflow_sync.database import Damaged, State, ensure, examine
from service.preflight import Prepared
from service.records.store import Store

HELPERS = Path(__file__).parents[1] / "helpers"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_database(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def trained(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Store]:
    store = Store(tmp_path_factory.mktemp("trained") / "store")
    prepared = run_locally(tiny_study(ablations=[PATCHES], seeds=[0]), store)
    shutil.copy(empty, db_of(store))
    sync = MlflowSync(None, prepared, store)
    assert sync.finish() is None
    return prepared, store


@pytest.fixture
def synced(trained: tuple[Prepared, Store], tmp_path: Path) -> tuple[Prepared, Store]:
    """A copy of a store and its database, moved from where they were made."""
    shutil.copytree(trained[1].path, tmp_path / "store")
    return trained[0], Store(tmp_path / "store")


@pytest.mark.slow
def test_a_kill_at_any_moment_of_the_making_leaves_a_store_that_works(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(HELPERS / "killed_databases.py"), str(tmp_path), "4"], capture_output=True, text=True
    )
    assert done.stdout.startswith("4 of 4 "), done.stdout + done.stderr
    assert "missing" in done.stdout, "no kill came before the database was there"


HALF_MADE = "update alembic_version set version_num = '451aebb31d03'"
"""As a kill in the middle of MLflow's migrations leaves a database: with tables that it is about to make."""


@pytest.mark.parametrize("kind", ["text", "cut", "overwritten", "a table is missing", "no version"])
def test_a_damaged_database_is_recognised(empty: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mlflow.db"
    shutil.copy(empty, path)
    if kind == "text":
        path.write_text("this is no database, and long enough to be taken for one" * 100)
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind == "overwritten":
        whole = path.read_bytes()
        path.write_bytes(whole[:20_000] + os.urandom(100_000) + whole[120_000:])
    elif kind == "a table is missing":
        ask(path, "drop table latest_metrics")
    else:
        ask(path, "delete from alembic_version")
    before = path.read_bytes()
    with pytest.raises(Damaged):
        examine(path)
    with pytest.raises(UserError, match="is damaged") as caught:
        ensure(path, own=False)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert path.read_bytes() == before and names_in(tmp_path) == {"mlflow.db"}, "a user's own is not touched"


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"mlflow.db.lock"}


@pytest.mark.slow
def test_a_damaged_default_database_is_set_aside_and_made_from_the_records(
    synced: tuple[Prepared, Store], caplog: pytest.LogCaptureFixture
) -> None:
    prepared, store = synced
    path = db_of(store)
    before, count = rows(path), names(path)
    ask(path, HALF_MADE)
    broken = path.read_bytes()
    (store.path / "mlflow.db-journal").write_bytes(b"what a killed writer left")
    with caplog.at_level(logging.WARNING, "service.mlflow_sync"):
        assert MlflowSync(None, prepared, store).finish() is None
    (told,) = [record.getMessage() for record in caplog.records if record.name == "service.mlflow_sync"]
    assert "already exists" in told and "mlflow.db.damaged-1" in told and "\n" not in told
    assert (store.path / "mlflow.db.damaged-1").stat().st_size == len(broken)
    assert rows(path) == before and set(before.values()) == {1} and names(path) == count


def test_an_older_database_is_migrated_aside(synced: tuple[Prepared, Store]) -> None:
    from alembic import command
    from mlflow.store.db import utils

    prepared, store = synced
    path = db_of(store)
    before = rows(path)
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{path}")
    config = utils._get_alembic_config(str(engine.url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "-1")
    engine.dispose()
    assert examine(path) is State.OLDER
    assert MlflowSync(None, prepared, store).finish() is None
    assert examine(path) is State.WHOLE and rows(path) == before
    assert not list(store.path.glob("*damaged*"))


def test_a_moved_store_points_at_itself(synced: tuple[Prepared, Store], trained: tuple[Prepared, Store]) -> None:
    prepared, store = synced
    original = trained[1].path
    runs = {run for (run,) in ask(db_of(store), "select run_uuid from runs")}
    there = {path: path.stat().st_mtime_ns for path in original.rglob("*") if path.is_file()}
    (store.study_dir("tiny") / "preview.txt").write_text("another preview")
    sync = MlflowSync(None, prepared, store)
    assert sync.finish() is None
    assert {run for (run,) in ask(db_of(store), "select run_uuid from runs")} == runs
    uris = {
        uri
        for (uri,) in ask(db_of(store), "select artifact_uri from runs union select artifact_location from experiments")
    }
    assert uris and all(uri.startswith(f"{store.path}/mlflow-artifacts") for uri in uris), uris
    assert {path: path.stat().st_mtime_ns for path in original.rglob("*") if path.is_file()} == there
    preview = store.path / "mlflow-artifacts" / str(sync.parent_run_id) / "artifacts" / "preview.txt"
    assert preview.read_text() == "another preview"


def test_a_copy_takes_its_runs_along_and_leaves_the_originals(
    synced: tuple[Prepared, Store], trained: tuple[Prepared, Store]
) -> None:
    prepared, store = synced
    (store.path / "identity.json").unlink()  # a copy has an identity of its own
    shutil.rmtree(store.path / "mlflow-artifacts")  # and this one was made without what MLflow keeps
    original, before = contents(db_of(trained[1])), rows(db_of(trained[1]))
    assert store.id != trained[1].id
    assert MlflowSync(None, prepared, store).finish() is None
    assert set(ask(db_of(store), "select value from tags where key = 'mlflow.dit_ablate.store'")) == {(store.id,)}
    assert rows(db_of(store)) == before and set(contents(db_of(store))) == set(original)
    assert contents(db_of(trained[1])) == original
    assert len(list(store.path.glob("mlflow-artifacts/*/artifacts/config.json"))) == 3, "they are uploaded again"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("this account may not mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_one_sentence_and_room_heals_it(
    trained: tuple[Prepared, Store], empty: Path, small_disk: Path
) -> None:
    prepared, store = trained
    path = small_disk / "mlflow.db"
    uri = f"sqlite:///{path}"
    with pytest.raises(UserError, match="cannot open the database") as caught:
        (small_disk / "ballast").write_bytes(bytes(2_700_000))
        connect(uri)
    assert "\n" not in str(caught.value)
    (small_disk / "ballast").unlink()
    shutil.copy(empty, path)
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize
    (small_disk / "ballast").write_bytes(bytes(free - 40_000))
    problem = MlflowSync(uri, prepared, store).finish()
    assert problem is not None and "not up to date" in problem and "\n" not in problem, "full in the middle of it"
    (small_disk / "ballast").unlink()
    assert MlflowSync(uri, prepared, store).finish() is None
    assert rows(path) == rows(db_of(store)) and set(rows(path).values()) == {1}


def test_the_default_address_lies_in_the_store(tmp_path: Path) -> None:
    assert default_tracking_uri(Store(tmp_path / "store")) == f"sqlite:///{tmp_path}/store/mlflow.db"
