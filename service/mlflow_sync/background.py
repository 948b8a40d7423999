"""A thread that synchronises every few seconds while a study runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from service.engine import Live


class Syncs(Protocol):
    """Anything with MlflowSync's ``sync``."""

    def sync(self, live: Collection[Live] = (), failures: Mapping[str, str] | None = None) -> bool:
        """Brings MLflow up to date."""
        ...


class BackgroundSync:
    """Calls ``sync.sync(live(), failures())`` every ``seconds`` in a thread of its own, until the block ends.

    Use it around the run of a study::

        with BackgroundSync(mlflow_sync, lambda: segments_in_flight):
            run_segments(...)

    The block's end waits for a sync in progress, at most ``patience`` seconds: a tracking server that hangs
    holds nothing up for longer.

    Args:
        sync: what to call.
        live: returns the segments in flight, with what they have not recorded yet.
        failures: returns trial name -> error, for the trials given up so far.
        seconds: pause between two calls.
        patience: seconds to wait for the thread at the end.
    """

    def __init__(
        self,
        sync: Syncs,
        live: Callable[[], Collection[Live]] = tuple,
        failures: Callable[[], Mapping[str, str]] = dict,
        *,
        seconds: float = 5.0,
        patience: float = 60.0,
    ) -> None:
        self._sync = sync
        self._live = live
        self._failures = failures
        self._seconds = seconds
        self._patience = patience
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="mlflow-sync", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(self._patience)

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._sync.sync(self._live(), self._failures())
            self._stop.wait(self._seconds)
