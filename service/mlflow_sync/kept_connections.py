"""Connections to MLflow's SQLite files that are kept between calls, and given up when their file is another one.

MLflow opens nine connections for what is written of one trial, a quarter of what its synchronisation takes where each
is made anew. A connection that is kept would go on writing to a file that was damaged, moved away and replaced, so
every time one is taken up again its file is compared with the one that has the name now.
"""

from __future__ import annotations

import os
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

_FILES: set[str] = set()
_KNOWN = "dit_ablate_file"


def watch(path: Path) -> None:
    """Sees to it that no connection to a database outlives its file; call it before the first one is made."""
    _listen()
    _FILES.add(os.path.realpath(path))


def file_of(path: str) -> tuple[int, int] | None:
    """Returns what tells a file from another one of the same name; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


@cache
def _listen() -> None:
    from sqlalchemy import event
    from sqlalchemy.exc import DisconnectionError
    from sqlalchemy.pool import Pool

    def connected(connection: Any, record: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            ((path,),) = connection.execute("select file from pragma_database_list where name = 'main'").fetchall()
            if path and os.path.realpath(path) in _FILES:
                record.info[_KNOWN] = path, file_of(path)

    def taken_up(connection: Any, record: Any, proxy: Any) -> None:
        known = record.info.get(_KNOWN)
        if known is not None and file_of(known[0]) != known[1]:
            raise DisconnectionError(f"{known[0]} was replaced")  # the pool makes a new connection

    event.listen(Pool, "connect", connected)
    event.listen(Pool, "checkout", taken_up)
