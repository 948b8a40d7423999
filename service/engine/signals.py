"""Handlers of SIGINT, SIGTERM and SIGHUP that are set for a while, and again when a library has set its own."""

from __future__ import annotations

import os
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
    found: list[signal.Signals] = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    return [item for item in found if item.name != "SIGHUP" or signal.getsignal(item) is not signal.SIG_IGN]


class Signals:
    """Handlers of the signals that ask this process to end.

    Args:
        handle: called in the main thread.
    """

    def __init__(self, handle: Callable[[], None]) -> None:
        self._handle = handle
        self._before: dict[int, Any] = {}
        self._terminals: list[int] = []

    def take(self) -> None:
        """Sets the handlers, again where another library has put its own in their place since."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._terminals = self._terminals or [number for number in range(3) if os.isatty(number)]
        for number in ending_signals():
            self._before.setdefault(number, signal.signal(number, self._signalled))

    def give_back(self) -> None:
        """Restores what was there before."""
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._before.clear()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if signal.Signals(number).name == "SIGHUP":
            self._leave_terminals()
        self._handle()

    def _leave_terminals(self) -> None:
        """Writing to a terminal that is gone would fail, in the middle of the orderly end."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in self._terminals:
            os.dup2(nowhere, number)
        os.close(nowhere)
