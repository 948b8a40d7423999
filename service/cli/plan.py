"""``dit-ablate plan``."""

from __future__ import annotations

import json as json_text

import typer

from service.cli.console import out
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
    choices,
)


def plan(
    study: StudyArgument,
    store: StoreOption = STORE_DEFAULT,
    seeds: SeedsOption = None,
    budget: BudgetOption = None,
    rungs: RungsOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    skip_unknown: SkipUnknownOption = False,
    json: JsonOption = False,
) -> None:
    """Show what a study would run: ablations, arms, Gflops, parameters, compute, and what the store already holds.

    Nothing runs and nothing is written.

    [bold]Examples[/]

    dit-ablate plan dit-digits

    dit-ablate plan dit-paper --json

    dit-ablate plan my-plan.md --seeds 0,1,2 --budget 64000
    """
    from service.cli.preview_view import render
    from service.client import Client

    preview = Client(store=store).plan(
        study,
        **choices(
            seeds=seeds, budget=budget, rungs=rungs, settings=settings, profile=profile, skip_unknown=skip_unknown
        ),
    )
    if json:
        typer.echo(json_text.dumps(preview.to_json(), indent=2))
        return
    out().print(render(preview))
