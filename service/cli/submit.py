"""``dit-ablate submit``."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from service.cli.console import err, out
from service.cli.exit_codes import FAILED, INTERRUPTED
from service.cli.options import (
    AcceptGuessesOption,
    BudgetOption,
    JsonOption,
    PluginOption,
    ProfileOption,
    RungsOption,
    SeedsOption,
    SetOption,
    SkipUnknownOption,
    StudyArgument,
    TrackingOption,
    TrustOption,
    choices,
)
from service.cli.trusting import asking_for_trust


def submit(
    study: StudyArgument,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            envvar="RAY_ADDRESS",
            help="The cluster's dashboard.  \\[default: http://127.0.0.1:8265]",
            show_default=False,
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            help="Store as the cluster sees it: an absolute path or an s3:// address.  \\[default: the cluster's "
            "DIT_ABLATE_STORE]",
            show_default=False,
        ),
    ] = None,
    tracking_uri: TrackingOption = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Show the job's output until it ends.")] = True,
    seeds: SeedsOption = None,
    budget: BudgetOption = None,
    rungs: RungsOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    skip_unknown: SkipUnknownOption = False,
    accept_guesses: AcceptGuessesOption = False,
    plugin: PluginOption = None,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Run a study as a job on a Ray cluster that has dit-ablate installed.

    The study's file travels with the job, its plugins, and Python files beside it; nothing else does. Store, data and
    tracking URI are as the cluster sees them. Submitting again continues.

    Ctrl-C leaves the job running. To stop it: ray job stop, which waits for checkpoints, or dit-ablate stop on the
    cluster.

    [bold]Examples[/]

    dit-ablate submit my-plan.md --address http://head:8265 --store /shared/store

    dit-ablate submit dit-digits --no-follow --json
    """
    from service.client import Client
    from service.jobs.job import ConnectionLost
    from service.redact import redacted

    client = Client(store=store, tracking_uri=tracking_uri, address=address)
    job = asking_for_trust(
        client.submit,
        study,
        **choices(
            seeds=seeds,
            budget=budget,
            rungs=rungs,
            settings=settings,
            profile=profile,
            skip_unknown=skip_unknown,
            accept_guesses=accept_guesses,
            plugins=plugin,
            trust=trust,
        ),
    )
    follow_to = err() if json else out()
    if json:
        told = {"job_id": job.id, "address": redacted(job.address), "entrypoint": job.entrypoint, "notes": job.notes}
        typer.echo(json_text.dumps(told, indent=2))
    else:
        for note in (f"Job {job.id} runs on {redacted(job.address)}", *job.notes, *_secret_note(tracking_uri)):
            follow_to.print(note, soft_wrap=True, markup=False)
        follow_to.print(f"Stop it, with checkpoints: {job.command('stop')}", soft_wrap=True, markup=False)
    later = f"Its output: {job.command('logs', '--follow')}"
    if not follow:
        if not json:
            follow_to.print(later, soft_wrap=True, markup=False)
        return
    try:
        for text in job.logs():
            typer.echo(text, nl=False, err=json)  # the run has printed it by a console of its own
        status, code = job.wait(timeout=60), job.exit_code()
    except KeyboardInterrupt:
        follow_to.print(f"\nThe job goes on. {later}", soft_wrap=True, markup=False)
        return
    except ConnectionLost as error:
        err().print(f"error: {error}", soft_wrap=True, markup=False)
        raise typer.Exit(FAILED) from None
    follow_to.print(f"Job {job.id}: {status}", soft_wrap=True, markup=False)
    if status == "STOPPED":
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(0 if status == "SUCCEEDED" else code or FAILED)


def _secret_note(tracking_uri: str | None) -> tuple[str, ...]:
    from service.redact import has_secret

    if tracking_uri is None or not has_secret(tracking_uri):
        return ()
    return (
        "The password of the tracking URI is in the job's environment, which everybody who may use the cluster can "
        "read; safer is a cluster that sets MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD itself.",
    )
