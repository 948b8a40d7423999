"""A thread that synchronises every few seconds while a study runs, and once more when it has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from service.engine import Live


SHARE = 0.03
"""The most of a processor that looking for what is new may take: large studies are looked at less often."""


class Syncs(Protocol):
    """What MlflowSync does."""

    @property
    def writes(self) -> int:
        """Grows while there is progress."""
        ...

    def sync(self, live: Collection[Live] = (), failures: Mapping[str, str] | None = None) -> bool:
        """Brings MLflow up to date."""
        ...

    def finish(self, failures: Mapping[str, str] | None = None) -> str | None:
        """Brings MLflow up to date when the run has ended; returns what is wrong."""
        ...

    def not_up_to_date(self, reason: str) -> str:
        """Returns the sentence that says so."""
        ...


class BackgroundSync:
    """Calls ``sync.sync(live(), failures())`` every ``seconds`` in a thread of its own, until the block ends.

    Use it around the run of a study::

        with BackgroundSync(mlflow_sync, lambda: segments_in_flight) as background:
            run_segments(...)
            problem = background.finish(failures)

    A block that ends without ``finish``, by an error, waits for nothing.

    Args:
        sync: what to call.
        live: returns the segments in flight, with what they have not recorded yet.
        failures: returns trial name -> error, for the trials given up so far.
        seconds: pause between two calls.
    """

    def __init__(
        self,
        sync: Syncs,
        live: Callable[[], Collection[Live]] = tuple,
        failures: Callable[[], Mapping[str, str]] = dict,
        *,
        seconds: float = 5.0,
    ) -> None:
        self._sync = sync
        self._live = live
        self._failures = failures
        self._seconds = seconds
        self._final: Mapping[str, str] | None = None
        self._problem: str | None = None
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._loop, name="mlflow-sync", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._wake.set()

    @property
    def is_over(self) -> bool:
        """Whether the block has ended by an error: nothing more is to be written or said."""
        return self._stop.is_set() and self._final is None

    def nudge(self) -> None:
        """Synchronises now, without waiting for the pause to end: the study has become this run's."""
        self._wake.set()

    def finish(self, failures: Mapping[str, str], patience: float = 30.0) -> str | None:
        """Synchronises for the last time, in the thread, and waits for it while it makes progress.

        Args:
            failures: trial name -> error, for trials that were given up.
            patience: seconds without progress after which it is not waited for: a server hangs.

        Returns:
            One sentence when MLflow is not up to date, else None.
        """
        self._final = failures
        self._stop.set()
        self._wake.set()
        writes, since = self._sync.writes, time.monotonic()
        while self._thread.is_alive():
            self._thread.join(0.1)
            if self._sync.writes != writes:
                writes, since = self._sync.writes, time.monotonic()
            if time.monotonic() - since > patience:
                return self._sync.not_up_to_date(f"it has not answered for {patience:g} s")
        return self._problem

    def _loop(self) -> None:
        while not self._stop.is_set():
            before = time.thread_time()
            self._sync.sync(self._live(), self._failures())
            self._wake.wait(max(self._seconds, (time.thread_time() - before) / SHARE))
            self._wake.clear()
        if self._final is not None:
            self._problem = self._sync.finish(self._final)
