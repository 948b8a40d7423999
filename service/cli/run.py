"""``dit-ablate run``."""

from __future__ import annotations

import contextlib
import json as json_text
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dit_core.errors import UserError
from service.cli.console import err, out
from service.cli.exit_codes import FAILED, INTERRUPTED
from service.cli.options import (
    STORE_DEFAULT,
    AddressOption,
    BudgetOption,
    JsonOption,
    ProfileOption,
    RungsOption,
    SeedsOption,
    SetOption,
    SkipUnknownOption,
    StoreOption,
    StudyArgument,
    TrackingOption,
    choices,
    refuse_dashboard,
)

if TYPE_CHECKING:
    from service.analysis.study_result import StudyResult


class Executor(StrEnum):
    """Where segments run."""

    ray = "ray"
    local = "local"


def run(
    study: StudyArgument,
    store: StoreOption = STORE_DEFAULT,
    tracking_uri: TrackingOption = None,
    address: AddressOption = None,
    executor: Annotated[
        Executor, typer.Option(help="ray: in lanes of Ray Train workers. local: in this process, without Ray.")
    ] = Executor.ray,
    seeds: SeedsOption = None,
    budget: BudgetOption = None,
    rungs: RungsOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    skip_unknown: SkipUnknownOption = False,
    json: JsonOption = False,
) -> None:
    """Run a study: train, evaluate, stop weak arms early, record everything in MLflow, write the report.

    Only what the store does not hold yet is run. So the same command continues after a crash or a stop, and a longer
    budget, one more seed or a second study that shares arms costs only the difference.

    Ctrl-C once: checkpoint, then end. Ctrl-C twice: end now.

    [bold]Examples[/]

    dit-ablate run dit-digits

    dit-ablate run my-plan.md --seeds 0,1,2 --set training.learning_rate=0.001

    dit-ablate run study.yaml --address head:6379 --tracking-uri http://mlflow:5000
    """
    from service.cli.interrupt import interruptible
    from service.cli.progress import progress
    from service.cli.summary_view import show
    from service.client import Client
    from service.command_text import from_here
    from service.jobs.inside import mark_stopped
    from service.redact import redacted

    refuse_dashboard(address, "run")
    store, note = _store_in_job(store)
    client = Client(store=store, tracking_uri=tracking_uri, address=address)
    session = client.start(
        study,
        **choices(
            seeds=seeds, budget=budget, rungs=rungs, settings=settings, profile=profile, skip_unknown=skip_unknown
        ),
    )
    console = err() if json else out()
    for told in (note, *session.notes):
        if told:
            console.print(told, soft_wrap=True, markup=False)
    command = from_here(session.command(executor.value))
    try:
        # Ray prints of lost workers on the standard output, which is the result's alone
        aside = contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext()
        with aside, interruptible(command, console), progress(session, console) as on_update:
            result = session.run(executor=executor.value, on_update=on_update)
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
    if result.interrupted:
        mark_stopped()
    raise typer.Exit(exit_code(result))


def exit_code(result: StudyResult) -> int:
    """Returns the exit code that tells how a run ended."""
    if result.interrupted:
        return INTERRUPTED
    return FAILED if len(result.failed) else 0


def _store_in_job(store: str) -> tuple[str, str]:
    """A Ray job's uploaded working folder is thrown away, so that no store may lie in it."""
    from service.records.place import place_of

    if not isinstance(place_of(store), Path) or Path(store).expanduser().is_absolute():
        return store, ""
    if "working_dir_files" not in Path.cwd().parts:
        return store, ""
    if store != STORE_DEFAULT:
        raise UserError(
            f"store: {store} lies in this job's working folder, which Ray throws away; give an absolute path that "
            "every node sees"
        )
    home = Path.home() / STORE_DEFAULT
    return str(home), f"The store is {home}: a job's working folder is thrown away. Give --store to choose."
