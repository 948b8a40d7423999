"""Counts what a process does to files below a folder and to SQLite, and kills it at a given count.

Python raises an audit event before it opens, renames, links, makes or removes a file. SQLite writes in C, without
events; of it every statement that changes something is counted, by the trace of the connection. Writing and syncing
raise no events either: ``os.fsync`` is wrapped.
"""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

_CHANGES = ("os.rename", "os.link", "os.symlink", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_READS = ("SELECT", "PRAGMA", "EXPLAIN", "--")


def install(root: str, kill_at: int = 0, trace: str = "") -> None:
    """Installs the counting.

    Args:
        root: the folder whose files count.
        kill_at: the process kills itself right before the operation of this number; 0 never.
        trace: a file that takes one line per operation.
    """
    counter = itertools.count(1)
    written = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if trace else None

    def operation(what: str) -> None:
        number = next(counter)
        if written is not None:
            os.write(written, f"{number} {what}\n".encode(errors="replace"))
        if number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            if _below(given[0], root) and given[2] is not None and given[2] & _WRITING:
                operation(f"open {given[0]}")
        elif event in _CHANGES:
            if any(_below(item, root) for item in given[:2]):
                operation(f"{event} {given[0]}")
        elif event == "sqlite3.connect":
            operation(f"sqlite3.connect {given[0]}")

    sync = os.fsync

    def fsync(descriptor: Any) -> None:
        operation("fsync")
        sync(descriptor)

    os.fsync = fsync
    sqlite3.connect = sqlite3.dbapi2.connect = _traced(sqlite3.dbapi2.connect, operation)
    sys.addaudithook(hook)


def _below(path: Any, root: str) -> bool:
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    return isinstance(path, str | os.PathLike) and os.path.abspath(os.fspath(path)).startswith(root)


def _traced(connect: Callable[..., Any], operation: Callable[[str], None]) -> Callable[..., Any]:
    """``connect`` whose connections tell of every statement that changes something."""

    def statement(text: str) -> None:
        if not text.lstrip().upper().startswith(_READS):
            operation(f"sql {' '.join(text.split())[:80]}")

    def connected(*given: Any, **more: Any) -> Any:
        connection = connect(*given, **more)
        connection.set_trace_callback(statement)
        return connection

    return connected
