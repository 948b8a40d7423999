"""SIGINT, SIGTERM and SIGHUP while a study runs: the first asks for a graceful stop, the second ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


def ending_signals() -> list[signal.Signals]:
    """Returns the signals that ask this process to end.

    A hang-up that is ignored was meant to be, by ``nohup`` for one, and is left out. SIGINT is ignored where a script
    has started the process in the background, which nobody has meant: whoever sends it wants it to end.
    """
    found = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    return [item for item in found if item.name != "SIGHUP" or signal.getsignal(item) is not signal.SIG_IGN]


class Signals:
    """Handlers that are set for a while.

    Args:
        handle: called in the main thread, with the signal's number.
    """

    def __init__(self, handle: Callable[[int], None]) -> None:
        self._handle = handle
        self._before: dict[int, Any] = {}

    def take(self) -> None:
        """Sets the handlers, again where another library has put its own in their place since."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in ending_signals():
            before = signal.signal(number, self._signalled)
            self._before.setdefault(number, before)

    def give_back(self) -> None:
        """Restores what was there before."""
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._before.clear()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self._handle(number)
