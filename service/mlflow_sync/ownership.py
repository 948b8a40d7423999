"""Whose the default database is, and where its artifacts lie: mended when a store was copied or moved.

MLflow keeps absolute artifact paths. In a store that was copied they would point into the original, and its runs would
be tagged as the original's.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

from service.mlflow_sync.database import BUSY_SECONDS

STORE_TAG = "mlflow.dit_ablate.store"
"""Tag of runs, experiments and the default database: the ``id`` of the store they belong to."""
ARTIFACTS_TAG = "mlflow.dit_ablate.artifacts"
"""Tag of a run: which artifacts it has been given; further ones have a number behind it (``artifact_tags``)."""
STATE_TAG = "mlflow.dit_ablate.state"
"""Tag of a run: a digest of what it was last brought to, and the latest time of its metrics."""
_DEFAULT_EXPERIMENT = 0
_FOLDER = "mlflow-artifacts"


def settle(path: Path, store_id: str) -> None:
    """Makes a default database this store's, in one transaction; call it under the database's lock.

    The default experiment's tag says whose the database is. When that is another store, this one is its copy, and the
    runs in it become the copy's.

    Args:
        path: the database.
        store_id: the store's ``id``.

    Raises:
        sqlite3.Error: it cannot be read or written now.
    """
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as database:
        before = _owner(database)
        moved = _elsewhere(database, path)
        if before == store_id and not moved:
            return
        database.execute("begin immediate")
        try:
            if before not in (None, store_id):
                for table in ("tags", "experiment_tags"):
                    database.execute(
                        f"update {table} set value = ? where key = ? and value = ?",
                        (store_id, STORE_TAG, before),
                    )
            database.execute(
                "insert or replace into experiment_tags (key, value, experiment_id) values (?, ?, ?)",
                (STORE_TAG, store_id, _DEFAULT_EXPERIMENT),
            )
            for folder in moved:
                _move(database, folder, str(path.parent / _FOLDER))
            if moved and not (path.parent / _FOLDER).is_dir():  # it was copied without them: they are uploaded again
                database.execute(
                    "delete from tags where key in (?, ?) or key like ?",
                    (ARTIFACTS_TAG, STATE_TAG, f"{ARTIFACTS_TAG}.%"),
                )
            database.execute("commit")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                database.execute("rollback")
            raise


def _owner(database: sqlite3.Connection) -> str | None:
    row = database.execute(
        "select value from experiment_tags where key = ? and experiment_id = ?", (STORE_TAG, _DEFAULT_EXPERIMENT)
    ).fetchone()
    return None if row is None else str(row[0])


def _elsewhere(database: sqlite3.Connection, path: Path) -> set[str]:
    """The artifact folders of other places that experiments and runs here point to."""
    here = str(path.parent / _FOLDER)
    rows = database.execute("select artifact_location from experiments union select artifact_uri from runs")
    found = (re.match(rf"((?:file://)?/.*?/{_FOLDER})(?:/|$)", uri or "") for (uri,) in rows)
    return {match[1] for match in found if match and match[1].removeprefix("file://") != here}


def _move(database: sqlite3.Connection, old: str, new: str) -> None:
    for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
        database.execute(
            f"update {table} set {column} = ? || substr({column}, ?) where {column} = ? or substr({column}, 1, ?) = ?",
            (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
        )
