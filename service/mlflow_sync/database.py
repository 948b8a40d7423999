"""MLflow's SQLite file: made and migrated aside, put in place at once, and replaced when it is damaged.

MLflow makes a new database by sixty-odd migrations in place, none of which survives a kill in its middle. So here a
database is made in a temporary file and takes its name when it is whole, under a lock: whoever is killed, or comes at
the same time, finds either no database or a whole one. The records hold all that is in it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from dit_core.errors import UserError
from dit_core.files import locked, make_folder, move, replacing
from service.mlflow_sync.address import sqlite_address

BUSY_SECONDS = 20.0
"""How long to wait for another process's transaction."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SIDECARS = ("-journal", "-wal", "-shm")
_LEFT_BEHIND_SECONDS = 60.0


class State(Enum):
    """What a database file is."""

    MISSING = "missing"
    WHOLE = "whole"
    OLDER = "of an older version of MLflow"


class Damaged(Exception):
    """The file is no whole MLflow database; the message says why."""


def lock_of(path: Path) -> contextlib.AbstractContextManager[None]:
    """Returns the lock under which a database is made, mended and moved."""
    return locked(path.with_name(f"{path.name}.lock"))


def ensure(path: Path, *, own: bool) -> str | None:
    """Sees to it that there is a whole database of MLflow's present version; call it under ``lock_of(path)``.

    Args:
        path: the file.
        own: whether it is a store's default database, which can be made again from the records. Another one that is
            damaged, or of another version, is left as it is.

    Returns:
        One sentence when a damaged database was set aside, else None.

    Raises:
        UserError: it cannot be used as it is.
        OSError, sqlite3.Error: it cannot be read or written now.
    """
    make_folder(path.parent)
    _clear_left_behind(path)
    told = None
    try:
        state = examine(path)
        if state is State.OLDER:
            if not own:
                raise UserError(
                    f"tracking_uri: the database {path} is {state.value}; keep a copy of it, then run: "
                    f"mlflow db upgrade {sqlite_address(path)}"
                )
            _migrate(path)
    except Damaged as error:
        if not own:
            raise UserError(
                f"tracking_uri: the database {path} is damaged ({error}); it is left as it is: move it away, and a new "
                "one is made from the store's records"
            ) from None
        told = (
            f"MLflow's database {path} was damaged ({error}); it is now {_set_aside(path).name}, and a new one is made "
            "from the store's records"
        )
        state = State.MISSING
    if state is State.MISSING:
        _make(path)
    if not os.access(path, os.W_OK):
        raise UserError(f"tracking_uri: cannot write to the database {path}")
    return told


def examine(path: Path) -> State:
    """Returns what a file is.

    Raises:
        Damaged: it is no whole MLflow database.
        UserError: a later version of MLflow wrote it.
        sqlite3.Error: it cannot be read now.
    """
    if not path.exists() or path.stat().st_size == 0:
        return State.MISSING
    from mlflow.store.db import utils
    from mlflow.store.db.base_sql_model import Base

    with _opened(path) as database:
        (first,) = database.execute("pragma quick_check(1)").fetchone()
        if first != "ok":
            raise Damaged(first.splitlines()[0])
        tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
        found = (
            database.execute("select version_num from alembic_version").fetchall()
            if "alembic_version" in tables
            else []
        )
    if not tables:
        return State.MISSING
    if len(found) != 1:
        known = tables >= {"experiments", "runs", "metrics"}
        raise Damaged("it does not say of which version of MLflow it is" if known else "its tables are not MLflow's")
    if found[0][0] != utils._get_latest_schema_revision():
        if not _is_known(found[0][0]):
            raise UserError(
                f"tracking_uri: the database {path} was written by a later version of MLflow; update MLflow"
            )
        return State.OLDER
    missing = sorted(set(Base.metadata.tables) - tables)
    if missing:
        raise Damaged(f"its table {missing[0]} is missing")
    return State.WHOLE


def _is_known(revision: str) -> bool:
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from mlflow.store.db import utils

    try:
        return ScriptDirectory.from_config(utils._get_alembic_config("")).get_revision(revision) is not None
    except CommandError:
        return False


def _make(path: Path) -> None:
    """Makes a new database aside, with all of MLflow's migrations, and puts it in place."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with replacing(path) as temporary:
        SqlAlchemyStore(sqlite_address(temporary), str(path.parent / "mlflow-artifacts")).engine.dispose()
        for ending in _SIDECARS:  # of a database that is no more: SQLite would play them back into the new one
            path.with_name(path.name + ending).unlink(missing_ok=True)


def _migrate(path: Path) -> None:
    """Brings a copy up to date and puts it in place."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from mlflow.store.db import utils
    from sqlalchemy.exc import SQLAlchemyError

    with replacing(path) as temporary:
        with _opened(path) as database, contextlib.closing(sqlite3.connect(temporary)) as copy:
            database.backup(copy)  # plays a journal back that a killed writer has left
        engine = utils.create_sqlalchemy_engine(sqlite_address(temporary))
        try:
            utils._upgrade_db(engine)
        except (SQLAlchemyError, MlflowException, CommandError) as error:
            if "full" in str(error) or "locked" in str(error):
                raise
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise Damaged(f"it cannot be brought up to date: {reason}") from None
        finally:
            engine.dispose()


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    move(path, aside)
    for ending in _SIDECARS:
        if (sidecar := path.with_name(path.name + ending)).exists():
            move(sidecar, aside.with_name(aside.name + ending))
    return aside


def _clear_left_behind(path: Path) -> None:
    """Removes what was being made when its maker was killed; under the lock nobody else makes anything."""
    for left in path.parent.glob(f".{path.stem}.*.tmp{path.suffix}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                left.unlink()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens a database; SQLite's own finding that it is damaged becomes ``Damaged``."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as database:
            yield database
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            raise Damaged(str(error)) from None
        raise
