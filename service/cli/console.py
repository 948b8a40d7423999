"""The terminal: standard output for answers, standard error for everything else."""

from __future__ import annotations

import logging

from rich.console import Console


def out() -> Console:
    """Console for a command's answer; asked for anew so that tests and pipes see their own stream."""
    return _console(stderr=False)


def err() -> Console:
    """Console for errors and warnings."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        # a pipe or a log file has no width; never cut a sentence or a table there
        console = Console(stderr=stderr, highlight=False, width=max(console.width, 160))
    return console


class LogToTerminal(logging.Handler):
    """Shows on standard error what takes long enough in ``dit_core`` to be told."""

    def emit(self, record: logging.LogRecord) -> None:
        err().print(record.getMessage(), soft_wrap=True, markup=False)
