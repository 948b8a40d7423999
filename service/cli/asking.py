"""Asks before a run that takes more device time than the user wants to start without a thought."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import err
from service.cli.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from service.cost.estimate import Estimate
    from service.cost.interval import Interval

ASK_ABOVE_VARIABLE = "DIT_ABLATE_ASK_ABOVE"


def _hours(above: float | None) -> float | None:
    if above is not None and (not math.isfinite(above) or above < 0):
        raise typer.BadParameter(f"{above:g} is not a number of device-hours; allowed: 0 or more")
    return above


AskAboveOption = Annotated[
    float | None,
    typer.Option(
        "--ask-above",
        metavar="DEVICE_HOURS",
        envvar=ASK_ABOVE_VARIABLE,
        callback=_hours,
        help="At a terminal, ask before a run that is estimated to take more.  \\[default: never ask]",
        show_default=False,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Start without asking.")]


def ask(estimate: Estimate, above: float | None, yes: bool, everything: Interval | None = None) -> None:
    """Asks whether to start, where the estimate is above the threshold and somebody is there to answer.

    Args:
        estimate: what the run would take.
        above: device-hours; None never asks.
        yes: do not ask.
        everything: device seconds of it and of what runs with it; None for it alone.

    Raises:
        typer.Exit: the answer was no; nothing was run.
    """
    if above is None:
        return
    from service.cost.text import HOUR, device_hours

    ahead = everything or estimate.ahead.total
    if yes or ahead.middle <= above * HOUR or not at_terminal():
        return
    basis = "an analytic estimate" if estimate.is_analytic else ", ".join(estimate.sources)
    if not typer.confirm(f"This takes {device_hours(ahead)} ({basis}). Start?", err=True):
        err().print("Not started.")
        raise typer.Exit(INTERRUPTED)


def at_terminal() -> bool:
    """Whether a person can be asked and can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()
