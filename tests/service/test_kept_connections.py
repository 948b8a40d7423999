"""Connections to MLflow's SQLite files are kept, and none of them writes to a file that was replaced."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from mlflow_rows import ask, empty_database

from service.mlflow_sync.connection import connect


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_database(tmp_path_factory.mktemp("empty"))


def experiments(path: Path) -> set[str]:
    return {name for (name,) in ask(path, "select name from experiments")}


def opened(path: Path) -> int:
    """How many files of this process lead to a database."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            found += os.path.samefile(f"/proc/self/fd/{number}", path)
        except OSError:
            continue
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="Linux tells which files are open")
def test_a_connection_is_kept(empty: Path, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    shutil.copy(empty, path)
    client = connect(f"sqlite:///{path}")
    client.create_experiment("one")
    kept = opened(path)
    assert kept
    for number in range(5):
        client.create_experiment(f"more {number}")
    assert opened(path) == kept


@pytest.mark.parametrize("link", [False, True])
def test_what_replaces_a_file_gets_what_is_written_from_then_on(empty: Path, tmp_path: Path, link: bool) -> None:
    path = tmp_path / "mlflow.db"
    shutil.copy(empty, path)
    if link:
        (tmp_path / "link.db").symlink_to(path)
    client = connect(f"sqlite:///{tmp_path / 'link.db' if link else path}")
    client.create_experiment("before")
    shutil.copy(empty, tmp_path / "new.db")
    os.replace(path, tmp_path / "aside.db")
    os.replace(tmp_path / "new.db", path)
    client.create_experiment("after")
    assert "after" in experiments(path) and "before" not in experiments(path)
    assert "after" not in experiments(tmp_path / "aside.db") and "before" in experiments(tmp_path / "aside.db")


def test_what_was_copied_over_a_file_is_read_from_then_on(empty: Path, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    shutil.copy(empty, path)
    client = connect(f"sqlite:///{path}")
    shutil.copy(path, tmp_path / "old.db")
    client.create_experiment("one")
    client.create_experiment("two")
    shutil.copy(tmp_path / "old.db", path)  # in place: the same file with other content
    assert client.get_experiment_by_name("one") is None
    client.create_experiment("three")
    assert experiments(path) == {"Default", "three"}


def test_a_file_that_is_gone_is_said_to_be(empty: Path, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    shutil.copy(empty, path)
    client = connect(f"sqlite:///{path}")
    client.create_experiment("one")
    path.unlink()
    with pytest.raises(Exception, match="no such table"):
        client.create_experiment("two")
