"""The run as seen from outside: live.json, stop requests, signals, and one update a second."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from pydantic import TypeAdapter

from dit_core.errors import UserError
from dit_core.files import locked, process_exists, write_durably
from service.engine.ledger import Ledger
from service.engine.outcome import OnUpdate, Snapshot
from service.engine.wire import Live, LiveRun
from service.records.store import Store

LIVE_SECONDS = 2.0
UPDATE_SECONDS = 1.0
FRESH_SECONDS = 30.0
"""A live.json further from now than this belongs to a run that has died."""
_LIVE_RUN = TypeAdapter(LiveRun)


def live_path(store: Store, study: str) -> Path:
    """Where a running study leaves its heartbeat."""
    return store.study_dir(study) / "live.json"


def stop_path(store: Store, study: str) -> Path:
    """The file whose presence asks a running study to checkpoint and end."""
    return store.study_dir(study) / "stop-requested"


def read_live(store: Store, study: str) -> LiveRun | None:
    """Returns the heartbeat of a running study, or None when it is not running.

    A heartbeat counts when it is fresh and, if it was written on this host, its process exists. Fields that another
    version writes are left out: its run goes on all the same, and must not be joined by a second one.
    """
    try:
        found = _LIVE_RUN.validate_json(live_path(store, study).read_bytes())
        age = time.time() - datetime.fromisoformat(found.time).timestamp()
    except (OSError, ValueError, OverflowError):  # pydantic's errors are ValueErrors
        return None
    alive = found.pid > 0 and (found.host != socket.gethostname() or process_exists(found.pid))
    return found if alive and abs(age) <= FRESH_SECONDS else None


def request_stop(store: Store, study: str) -> bool:
    """Asks a running study to checkpoint and end; returns whether it is running."""
    write_durably(stop_path(store, study), b"")
    return read_live(store, study) is not None


class Watch:
    """Claims the study for this process while it runs, and tells the outside about it.

    The first SIGINT or SIGTERM asks for a graceful stop, the second ends the run at once.

    Args:
        ledger: the study's book-keeping.
        store: the store.
        on_update: called when a segment starts, changes its phase or ends, and about once a second in between, in the
            thread that calls ``tick``.

    Raises:
        UserError: on entering, when another process runs this study in this store.
    """

    def __init__(self, ledger: Ledger, store: Store, on_update: OnUpdate | None) -> None:
        self._ledger, self._store, self._on_update = ledger, store, on_update
        self._name = ledger.study.name
        self._began = time.monotonic()
        self._updated = self._written = -1e9
        self._seen: object = None
        self._handlers: dict[int, Any] = {}
        self._seconds = 0.0
        self.stopping = False
        self.lanes = 0
        self.waiting = ""

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    @property
    def device_seconds(self) -> float:
        """Worker seconds so far."""
        return self._seconds

    def __enter__(self) -> Watch:
        with locked(self._store.study_dir(self._name) / "live.lock"):
            other = read_live(self._store, self._name)
            if other is not None and other.pid != os.getpid():
                raise UserError(
                    f"study {self._name!r} is being run in this store by process {other.pid} on {other.host}; wait "
                    f"for it, or end it with: dit-ablate stop {self._name} --store {self._store.path}"
                )
            self._write([], 0)
        stop_path(self._store, self._name).unlink(missing_ok=True)
        self.take_signals()
        self.tick([], 0, 0.0, force=True)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for path in (live_path(self._store, self._name), stop_path(self._store, self._name)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def take_signals(self) -> None:
        """Installs the handlers of SIGINT and SIGTERM, anew where something has replaced them since."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before = signal.signal(number, self._signalled)
                self._handlers.setdefault(number, before)

    def tick(self, live: list[Live], lanes_up: int, device_seconds: float, *, force: bool = False) -> None:
        """Looks for a stop request and passes the state on, each as often as it is due.

        Args:
            live: the segments in flight.
            lanes_up: lanes that have started.
            device_seconds: worker seconds so far.
            force: pass it on now.
        """
        now = time.monotonic()
        self._seconds = max(self._seconds, device_seconds)
        seen = len(self._ledger.timings), frozenset((item.trial, item.phase) for item in live)
        if force or seen != self._seen or now - self._updated >= UPDATE_SECONDS:
            self._updated, self._seen = now, seen
            self.stopping = self.stopping or stop_path(self._store, self._name).exists()
            if self._on_update is not None:
                self._on_update(self.snapshot(live, lanes_up))
        if force or now - self._written >= LIVE_SECONDS:
            self._written = now
            self._write(live, lanes_up)

    def snapshot(self, live: list[Live], lanes_up: int) -> Snapshot:
        """Returns the run at this moment."""
        ledger = self._ledger
        running = frozenset(item.trial for item in live if item.phase != "queued")
        return Snapshot(
            statuses=ledger.statuses(running),
            live={item.trial: item for item in live},
            stops=ledger.stops,
            lanes=self.lanes,
            lanes_up=lanes_up,
            device_seconds=self._seconds,
            elapsed=self.elapsed,
            segments_done=len(ledger.timings),
            segments_left=ledger.left,
            messages=tuple(ledger.messages),
            stopping=self.stopping,
            failed=dict(ledger.failed),
            waiting=self.waiting,
        )

    def _write(self, live: list[Live], lanes_up: int) -> None:
        now = LiveRun(
            pid=os.getpid(),
            host=socket.gethostname(),
            time=datetime.now(UTC).isoformat(),
            stopping=self.stopping,
            lanes=self.lanes,
            lanes_up=lanes_up,
            running=tuple(item for item in live if item.phase != "queued"),
            waiting=self.waiting,
        )
        write_durably(live_path(self._store, self._name), json.dumps(now.to_json()).encode())

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
