"""The second Ctrl-C: the run ends now, and says how to go on. The first is the engine's: it checkpoints and ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from service.cli.exit_codes import KILLED


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
