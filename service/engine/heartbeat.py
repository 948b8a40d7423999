"""The sign of life of a run: ``live.json``, written from a thread of its own, whatever the run is busy with."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable

from dit_core.errors import UserError
from service.engine.wire import LiveRun
from service.records.liveness import live_key
from service.records.store import Store

BEAT_SECONDS = 2.0
LATE_SECONDS = 3 * BEAT_SECONDS
"""After so long without a beat the run makes sure that it is still the one: its process may have been paused."""


class TakenOver(UserError):
    """Another run of the study has begun: this one must write nothing more."""


def stop_key(study: str, run: int) -> str:
    """What is there when a run was asked to checkpoint and end."""
    return f"studies/{study}/stops/{run:04d}"


class Heartbeat:
    """Beats while a run goes on, and learns what the outside wants of it.

    Args:
        store: the store.
        study: the study.
        run: the run's number.
        content: returns the state of the run; called in the thread.
    """

    def __init__(self, store: Store, study: str, run: int, content: Callable[[int], LiveRun]) -> None:
        self._store, self._study, self._run, self._content = store, study, run, content
        # without what a run may put around it: a beat that cannot be written is left out, it waits for nothing
        self._backend = store.records.backend
        self._count, self._beaten = 0, -1e9
        self._turn, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="live.json", daemon=True)
        self.lost = False
        self.stop_requested = False

    def start(self) -> None:
        """Begins to beat; the first beat is written when this returns."""
        self._beat()
        self._thread.start()

    def end(self) -> None:
        """Ends beating; the last beat is removed, unless a later run has begun."""
        self._ended.set()
        self._thread.join(timeout=5 * BEAT_SECONDS)
        with contextlib.suppress(OSError):
            if not self._store.superseded(self._study, self._run):
                self._backend.delete(live_key(self._study))

    def check(self) -> None:
        """Makes sure that the run is still the study's newest.

        Raises:
            TakenOver: it is not.
        """
        if not self.lost and time.monotonic() - self._beaten > LATE_SECONDS:
            self._beat()
        if self.lost:
            raise TakenOver(
                f"study {self._study!r}: this run stood still for so long that another one took it over; "
                "it goes on there, and this one ends"
            )

    def _beat(self) -> None:
        if not self._turn.acquire(blocking=False):  # the other thread is about to find out
            return
        try:
            if self._store.superseded(self._study, self._run):
                self.lost = True
                return
            asked = self._backend.get(stop_key(self._study, self._run)) is not None
            self.stop_requested = self.stop_requested or asked
            self._count += 1
            data = json.dumps(self._content(self._count).to_json()).encode()
            self._backend.write(live_key(self._study), data)
        except OSError:
            return  # the store is full or away: the next beat may get through
        finally:
            self._beaten = time.monotonic()
            self._turn.release()

    def _go_on(self) -> None:
        while not self._ended.wait(BEAT_SECONDS) and not self.lost:
            self._beat()
