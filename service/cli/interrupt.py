"""How commands end when they are asked to by a signal.

Each of SIGINT, SIGTERM and SIGHUP interrupts a command. ``run`` has handlers of its own while segments run: the first
signal makes it checkpoint and end, the second ends it at once.
"""

from __future__ import annotations

import _thread
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console

from service.cli.exit_codes import KILLED
from service.engine.signals import Signals

AGAIN_SECONDS = 0.02
"""After so long an interrupt is raised again that was raised where nothing can be: no such place lasts that long."""


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Makes the signals that ask a process to end raise ``KeyboardInterrupt``, also where they were ignored.

    A signal that comes while an object is taken away, or while a library tidies up, interrupts as any other, and
    prints no traceback.
    """
    signals = Signals(_interrupt)
    signals.take()
    try:
        with _raised_again(), _not_logged():
            yield
    finally:
        signals.give_back()


@contextmanager
def _raised_again() -> Iterator[None]:
    """Raises an interrupt again that came in a destructor or a callback of C, where Python prints it and goes on."""
    before = sys.unraisablehook
    again: list[threading.Timer] = []

    def unraisable(what: Any) -> None:
        if not isinstance(what.exc_value, KeyboardInterrupt):
            before(what)
            return
        timer = threading.Timer(AGAIN_SECONDS, _thread.interrupt_main)
        timer.daemon = True
        again.append(timer)
        timer.start()

    sys.unraisablehook = unraisable
    try:
        yield
    finally:
        sys.unraisablehook = before
        for timer in again:
            timer.cancel()


@contextmanager
def _not_logged() -> Iterator[None]:
    """Leaves an interrupt out of what libraries log when one comes while they tidy up; they raise it all the same."""
    before = logging.getLogRecordFactory()

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = before(*args, **kwargs)
        if made.exc_info and isinstance(made.exc_info[1], KeyboardInterrupt):
            made.exc_info, made.levelno, made.levelname = None, logging.DEBUG, "DEBUG"
        return made

    logging.setLogRecordFactory(record)
    try:
        yield
    finally:
        logging.setLogRecordFactory(before)


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
