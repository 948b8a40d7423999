"""A session's run as the commands show it: progress, the results, and the exit code."""

from __future__ import annotations

import contextlib
import json as json_text
import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.asking import ask
from service.cli.console import err, out
from service.cli.exit_codes import FAILED, INTERRUPTED

if TYPE_CHECKING:
    from service.analysis.study_result import StudyResult
    from service.session import Session


class Executor(StrEnum):
    """Where segments run."""

    ray = "ray"
    local = "local"


ExecutorOption = Annotated[
    Executor, typer.Option(help="ray: in lanes of Ray Train workers. local: in this process, without Ray.")
]


def run_session(
    session: Session,
    executor: Executor,
    *,
    note: str = "",
    ask_above: float | None = None,
    yes: bool = False,
    json: bool = False,
) -> None:
    """Runs a session, shows how it goes and what came of it, and ends the command.

    Args:
        session: what is to run.
        executor: where.
        note: one more sentence to say first.
        ask_above: device-hours above which to ask; None never asks.
        yes: do not ask.
        json: print JSON.

    Raises:
        typer.Exit: always, with the exit code that tells how the run ended.
    """
    from service.cli.interrupt import interruptible
    from service.cli.program import as_called
    from service.cli.progress import progress
    from service.cli.summary_view import show
    from service.command_text import from_here
    from service.jobs.inside import mark_stopped
    from service.redact import redacted

    console = err() if json else out()
    for told in (note, *session.notes):
        if told:
            console.print(told, soft_wrap=True, markup=False)
    ask(session.preview.estimate, ask_above, yes, session.preview.ahead)
    command = as_called(from_here(session.command(executor.value)))
    try:
        # Ray prints of lost workers on the standard output, which is the result's alone
        aside = contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext()
        with aside, interruptible(command, console), progress(session, console) as shown:
            result = session.run(executor=executor.value, on_update=shown, on_begin=shown.begin)
    except RuntimeError as error:
        from service.engine.failures import ClusterGone, LanesFailed

        if not isinstance(error, LanesFailed):
            raise
        err().print(
            f"error: {redacted(str(error))}; what was recorded is kept, continue with\n  {command}",
            soft_wrap=True,
            markup=False,
        )
        if isinstance(error, ClusterGone):
            os._exit(FAILED)  # without Ray's farewell to a cluster that is not there: it would wait a minute, and abort
        raise typer.Exit(FAILED) from None
    if json:
        typer.echo(json_text.dumps(result.to_json(), indent=2))
    else:
        show(result, console)
    if result.interrupted or result.capped:
        mark_stopped()
    raise typer.Exit(exit_code(result))


def exit_code(result: StudyResult) -> int:
    """Returns the exit code that tells how a run ended."""
    if result.interrupted:
        return INTERRUPTED
    if result.failed_rows:
        return FAILED
    return INTERRUPTED if result.capped else 0
