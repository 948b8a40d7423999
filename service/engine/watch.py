"""The run as seen from outside: its claim, its heartbeat, stop requests, signals, and one update a second."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from service.command_text import command_line
from service.engine.heartbeat import Heartbeat, TakenOver, stop_key
from service.engine.outcome import OnUpdate, Snapshot
from service.engine.signals import Signals
from service.engine.wire import Live, LiveRun
from service.records.claims import StudyClaim, claim_study, wait_until_free
from service.records.kinds import RunRecord
from service.records.liveness import Liveness, live_key
from service.records.process import Life
from service.records.room import NoRoom, Patience, no_room, waiting_for_room, why
from service.records.store import Store
from service.user import user

if TYPE_CHECKING:
    from service.engine.ledger import Ledger

LOG = logging.getLogger("service.engine.watch")
UPDATE_SECONDS = 1.0
MANY_TRIALS, MOST_SHARE, MOST_PAUSE = 1000, 0.005, 10.0
"""After an update of at least so many trials a pause follows, so that updates take this share of a processor on
average, but no longer than so many seconds."""
FRESH_SECONDS = 30.0
"""A heartbeat of another host further from now than this is not shown as a run. Nothing else is decided by it."""


@cache
def _live_run() -> TypeAdapter[LiveRun]:
    return TypeAdapter(LiveRun)


def read_live(store: Store, study: str) -> LiveRun | None:
    """Returns the heartbeat of a running study, or None when it is not running.

    On the host of the run, its process tells; elsewhere, a heartbeat counts while its time is about now. Fields that
    another version writes are left out.
    """
    run = store.last_run(study)
    if not run:
        return None
    try:
        found = _live_run().validate_json(store.records.backend.get(live_key(study)) or b"")
        life = Liveness(store.records).of(study, run)
        age = time.time() - datetime.fromisoformat(found.time).timestamp()
    except (OSError, ValueError, OverflowError):  # pydantic's errors are ValueErrors
        return None
    if life is Life.ENDED or found.pid <= 0 or found.run not in (0, run):
        return None
    return found if life is Life.LIVES or abs(age) <= FRESH_SECONDS else None


def request_stop(store: Store, study: str) -> bool:
    """Asks the newest run of a study to checkpoint and end; returns whether it may still go on."""
    run = store.last_run(study)
    if not run or Liveness(store.records).of(study, run) is Life.ENDED:
        return False
    store.records.backend.put(stop_key(study, run), b"")
    return True


class Watch:
    """Claims the study for this process while it runs, and tells the outside about it.

    A study of which nothing is left to run is not claimed; nobody else may be running it all the same. The first
    SIGINT, SIGTERM or SIGHUP asks for a graceful stop, the second ends the run at once.

    Args:
        ledger: the study's book-keeping.
        store: the store.
        on_update: called when a segment starts, changes its phase or ends, and about once a second in between, in the
            thread that calls ``tick``; less often for thousands of trials.
        claims_always: claim the study even when nothing is left to run.
        liveness: what tells whether the runs of others go on.

    Raises:
        UserError: on entering, when another process runs this study in this store.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        on_update: OnUpdate | None,
        *,
        claims_always: bool = False,
        liveness: Liveness | None = None,
    ) -> None:
        self._liveness = liveness or Liveness(store.records)
        self._ledger, self._store, self._on_update = ledger, store, on_update
        self._claims_always = claims_always
        self._name = ledger.study.name
        self._began = time.monotonic()
        self._updated = self._rests_until = -1e9
        self._seen: object = None
        self._signals = Signals(self._signalled)
        self._seconds = 0.0
        self._live: list[Live] = []
        self._lanes_up = 0
        self._claim: StudyClaim | None = None
        self._heartbeat: Heartbeat | None = None
        self._noted: set[str] = set()
        self._waiting = contextlib.ExitStack()
        self._patience = Patience(store.place, self._tell, lambda: self.stopping)
        self._thread, self._updating = threading.get_ident(), False
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
        liveness, tell = self._liveness, self._ledger.messages.append
        if self._ledger.finished and not self._claims_always:
            wait_until_free(self._store, self._name, liveness=liveness, tell=tell)
        else:
            self._claim = claim_study(self._store, self._name, liveness=liveness, tell=tell)
            self._ledger.claimed(self._claim.run, liveness)
            self._heartbeat = Heartbeat(self._store, self._name, self._claim.run, self._live_run)
            self._heartbeat.start()
            self._waiting.enter_context(waiting_for_room(self._store.records, self._patience))
        self.take_signals()
        try:
            self.tick([], 0, 0.0, force=True)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._signals.give_back()
        self._waiting.close()
        if self._claim is None or self._heartbeat is None:
            return
        if not isinstance(error, TakenOver):
            self._record_end(error)
        self._claim.end()
        self._heartbeat.end()

    def take_signals(self) -> None:
        """Takes the signals that end a process; call it again after a library that takes them for itself."""
        self._signals.take()

    def check(self) -> None:
        """Makes sure that this run may go on writing.

        Raises:
            TakenOver: another run of the study has begun.
        """
        if self._heartbeat is not None:
            self._heartbeat.check()
            self.stopping = self.stopping or self._heartbeat.stop_requested

    def tick(self, live: list[Live], lanes_up: int, device_seconds: float, *, force: bool = False) -> None:
        """Passes the state on when it is due, and learns whether to stop.

        Args:
            live: the segments in flight.
            lanes_up: lanes that have started.
            device_seconds: worker seconds so far.
            force: pass it on now.

        Raises:
            TakenOver: another run of the study has begun.
        """
        self.check()
        now = time.monotonic()
        self._live, self._lanes_up = live, lanes_up
        self._seconds = max(self._seconds, device_seconds)
        if not self.stopping:
            self.stopping = self._ledger.spend(self._seconds)
        for item in live:
            if item.note:
                self._note(f"{item.trial}: {item.note}")
        seen = len(self._ledger.timings), frozenset((item.trial, item.phase) for item in live)
        due = seen != self._seen or now - self._updated >= UPDATE_SECONDS
        if force or (due and now >= self._rests_until):
            self._updated, self._seen, began = now, seen, time.thread_time()
            if self._on_update is not None and not self._updating:
                self._updating = True
                try:
                    snapshot, on_update = self.snapshot(live, lanes_up), self._on_update
                    self._write(lambda: on_update(snapshot))
                finally:
                    self._updating = False
            if len(self._ledger.prepared.train_ids) >= MANY_TRIALS:
                self._rests_until = now + min(MOST_PAUSE, (time.thread_time() - began) / MOST_SHARE)

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
            run=ledger.run or self._store.last_run(self._name),
            waiting=self.waiting,
        )

    def _write(self, update: Callable[[], None]) -> None:
        """Lets a caller write; it waits for room, unless it only says again what the store has: nothing is to run."""
        if self._claim is not None:
            self._patience.patiently(update)
            return
        try:
            update()
        except OSError as error:
            if not no_room(error):
                raise
            status = command_line("status", (self._name,), self._store.place)
            raise NoRoom(
                f"store: cannot write to {self._store.place}: {why(error)}; of {self._name!r} nothing is left to run, "
                f"and what is recorded is shown by: {status}"
            ) from error

    def _note(self, sentence: str) -> None:
        if sentence not in self._noted:
            self._noted.add(sentence)
            self._ledger.messages.append(sentence)

    def _tell(self, sentence: str) -> None:
        """Shows why this process waits, from whichever of its threads does."""
        if sentence and self._updating and sentence not in self._noted:
            LOG.warning(sentence)  # who waits is who shows the messages
        if sentence:
            self._note(sentence)
        if threading.get_ident() == self._thread:
            self.tick(self._live, self._lanes_up, self._seconds)

    def _live_run(self, beat: int) -> LiveRun:
        return LiveRun(
            pid=os.getpid(),
            host=socket.gethostname(),
            time=datetime.now(UTC).isoformat(),
            stopping=self.stopping,
            lanes=self.lanes,
            lanes_up=self._lanes_up,
            running=tuple(item for item in self._live if item.phase != "queued"),
            run=self._ledger.run,
            beat=beat,
            waiting=self.waiting,
        )

    def _record_end(self, error: BaseException | None) -> None:
        """Says that the run has ended, where it has not said so itself: others need not wait for it."""
        why = "" if error is None else str(error).partition("\n")[0] or type(error).__name__
        ended = RunRecord(interrupted=True, error=why, elapsed=self.elapsed, user=user(), device_seconds=self._seconds)
        with contextlib.suppress(OSError):  # no room: its process and its heartbeat will tell
            self._store.records.put(RunRecord.key(self._name, self._ledger.run), ended)

    def _signalled(self) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
