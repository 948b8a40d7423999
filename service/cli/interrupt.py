"""How commands end when they are asked to by a signal.

Each of SIGINT, SIGTERM and SIGHUP interrupts a command. ``run`` has handlers of its own while segments run: the first
signal makes it checkpoint and end, the second ends it at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from service.cli.exit_codes import KILLED
from service.engine.signals import Signals


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Makes the signals that ask a process to end raise ``KeyboardInterrupt``, also where they were ignored."""
    signals = Signals(_interrupt)
    signals.take()
    try:
        yield
    finally:
        signals.give_back()


def leave_signals_to_the_system() -> None:
    """Makes a SIGINT that comes once a command has ended end the process; what Python does would print a traceback."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _interrupt() -> None:
    raise KeyboardInterrupt


@contextmanager
def interruptible(command: str, console: Console) -> Iterator[None]:
    """Ends the command with one sentence and exit code 130 when it is interrupted for good.

    Args:
        command: the command that continues, shown to the person.
        console: where to say it.
    """
    try:
        yield
    except KeyboardInterrupt:
        console.print(
            f"Ended. Nothing that was recorded is lost; continue with\n  {command}", soft_wrap=True, markup=False
        )
        raise typer.Exit(KILLED) from None
