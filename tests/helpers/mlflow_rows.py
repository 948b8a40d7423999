"""What an MLflow database of SQLite holds, read without MLflow."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from service.mlflow_sync import database
from service.mlflow_sync.connection import import_mlflow
from service.records.store import Store

STORE, KEY, ARTIFACTS = (f"mlflow.dit_ablate.{name}" for name in ("store", "key", "artifacts"))


def empty_database(folder: Path) -> Path:
    """Makes MLflow's tables; copies of the file are new databases at once."""
    path = folder / "mlflow.db"
    path.write_bytes(_made())
    return path


@cache
def _made() -> bytes:
    """Making the tables takes a second, once in a process."""
    import_mlflow()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        database.ensure(path, own=True)
        return path.read_bytes()


def ask(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Returns what a database answers; changes are kept."""
    with contextlib.closing(sqlite3.connect(path)) as opened, opened:
        return opened.execute(sql, values).fetchall()


def db_of(store: Store) -> Path:
    """The default database of a store."""
    return store.path / "mlflow.db"


def rows(path: Path, store_id: str | None = None, study: str = "tiny") -> Counter[tuple[str, str, int]]:
    """(run's name, metric, step) -> how often it is there, of the runs that are not deleted; of one store if given."""
    found = ask(
        path,
        "select r.run_uuid, r.name, m.key, m.step from metrics m join runs r using (run_uuid) "
        "join experiments e using (experiment_id) where r.lifecycle_stage = 'active' and e.name = ?",
        study,
    )
    own = {run for (run,) in ask(path, "select run_uuid from tags where key = ? and value = ?", STORE, store_id)}
    return Counter((name, key, step) for run, name, key, step in found if store_id is None or run in own)


def names(path: Path) -> Counter[str]:
    """The names of the runs that are not deleted."""
    return Counter(name for (name,) in ask(path, "select name from runs where lifecycle_stage = 'active'"))


def contents(path: Path) -> dict[str, Any]:
    """What is there of every run that is not deleted, by its id, but for which artifacts it has."""
    runs = ask(path, "select run_uuid, name, status, start_time, end_time from runs where lifecycle_stage = 'active'")
    return {
        run[0]: (
            run[1:],
            sorted(ask(path, "select key, value from params where run_uuid = ?", run[0])),
            sorted(ask(path, "select key, value from tags where run_uuid = ? and key <> ?", run[0], ARTIFACTS)),
            sorted(ask(path, "select key, step, timestamp, value from metrics where run_uuid = ?", run[0])),
        )
        for run in runs
    }
