"""``dit-ablate submit``."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from service.cli.console import err, out
from service.cli.exit_codes import FAILED
from service.cli.options import (
    STORE_DEFAULT,
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
)


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
    store: StoreOption = STORE_DEFAULT,
    tracking_uri: TrackingOption = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Show the job's output until it ends.")] = True,
    seeds: SeedsOption = None,
    budget: BudgetOption = None,
    rungs: RungsOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    skip_unknown: SkipUnknownOption = False,
    json: JsonOption = False,
) -> None:
    """Run a study as a job on a Ray cluster that has dit-ablate installed.

    The study file travels with the job. The store is a folder on the cluster: give one that every node sees.
    The same with Ray's own command: ray job submit --address ... -- dit-ablate run STUDY --store ...

    [bold]Examples[/]

    dit-ablate submit my-plan.md --address http://head:8265 --store /shared/store

    dit-ablate submit dit-digits --no-follow --json
    """
    from service.client import Client

    client = Client(store=store, tracking_uri=tracking_uri, address=address)
    job = client.submit(
        study,
        **choices(
            seeds=seeds, budget=budget, rungs=rungs, settings=settings, profile=profile, skip_unknown=skip_unknown
        ),
    )
    later = f"ray job logs --address {job.address} --follow {job.id}"
    if json:
        typer.echo(json_text.dumps({"job_id": job.id, "address": job.address, "entrypoint": job.entrypoint}, indent=2))
        follow_to = err()
    else:
        follow_to = out()
        follow_to.print(f"Job [bold]{job.id}[/] runs on {job.address}", soft_wrap=True)
    if not follow:
        if not json:
            follow_to.print(f"Its output: {later}", soft_wrap=True)
        return
    try:
        for text in job.logs():
            follow_to.out(text, end="", highlight=False)
    except KeyboardInterrupt:
        follow_to.print(
            f"\nThe job goes on. Its output: {later}\nEnd it: ray job stop --address {job.address} {job.id}"
        )
        return
    status = job.wait(timeout=60)
    code = job.exit_code()
    follow_to.print(f"Job {job.id}: {status}", soft_wrap=True)
    raise typer.Exit(0 if status == "SUCCEEDED" else code or FAILED)
