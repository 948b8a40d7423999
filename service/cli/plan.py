"""``dit-ablate plan``."""

from __future__ import annotations

import json as json_text
import os
from functools import partial
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dit_core.errors import UserError
from service.cli.console import err, out
from service.cli.exit_codes import INCOMPLETE
from service.cli.options import (
    STORE_DEFAULT,
    AcceptGuessesOption,
    AddressOption,
    BudgetOption,
    JsonOption,
    PluginOption,
    ProfileOption,
    RungsOption,
    SeedsOption,
    SetOption,
    SkipUnknownOption,
    StoreOption,
    StudyArgument,
    TrustOption,
    choices,
    refuse_dashboard,
)
from service.cli.program import as_called
from service.cli.trusting import asking_for_trust
from service.default_store import STORE_VARIABLE

if TYPE_CHECKING:
    from service.choices import Choices


def plan(
    study: StudyArgument,
    store: StoreOption = STORE_DEFAULT,
    seeds: SeedsOption = None,
    budget: BudgetOption = None,
    rungs: RungsOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    skip_unknown: SkipUnknownOption = False,
    accept_guesses: AcceptGuessesOption = False,
    plugin: PluginOption = None,
    trust: TrustOption = False,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Time a few steps of every arm whose speed is not known yet: in this process, or on a lane of Ray "
            "with --address or several workers a lane. What was found is kept in $DIT_ABLATE_CACHE.",
        ),
    ] = False,
    address: AddressOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a study would run and take: arms, compute, device time, room, and what the store already holds.

    Nothing is written to the store, and nothing runs without --measure. A plan of which something was not understood,
    or has to be settled, ends with exit code 4, and so does any study that is not ready to run.

    [bold]Examples[/]

    dit-ablate plan dit-digits

    dit-ablate plan dit-paper --json

    dit-ablate plan my-plan.md --seeds 0,1,2 --budget 64000

    dit-ablate plan dit-digits --measure
    """
    from service.cli.mistakes import refuse_mistakes

    refuse_dashboard(address, "plan")
    options = choices(
        seeds=seeds,
        budget=budget,
        rungs=rungs,
        settings=settings,
        profile=profile,
        skip_unknown=skip_unknown,
        accept_guesses=accept_guesses,
        plugins=plugin,
        trust=trust,
    )
    refuse_mistakes(study, options)
    from service.cli.preview_view import render
    from service.client import Client
    from service.command_text import arguments_of, join

    try:
        client = Client(store=store, address=address)
        tell = partial(err().print, style="dim", markup=False)
        preview = asking_for_trust(client.plan, study, measure=measure, tell=tell, **options)
    except UserError as error:
        if json and hasattr(error, "to_json"):  # a plan of which nothing was understood
            typer.echo(json_text.dumps(error.to_json(), indent=2))
        raise
    if json:
        typer.echo(json_text.dumps(preview.to_json(), indent=2))
    else:
        out().print(render(preview))
        if preview.blocker is None:
            chosen = cast("Choices", options)
            command = join(["dit-ablate", "run", *arguments_of(study, chosen, paths_here=False), *_elsewhere(store)])
            out().print(f"\nNext  {as_called(command)}", soft_wrap=True, markup=False)
    if preview.blocker is not None or (preview.not_understood and not skip_unknown):
        raise typer.Exit(INCOMPLETE)


def _elsewhere(store: str) -> list[str]:
    """The option for a store that the same shell would not take by itself."""
    return [] if store == os.environ.get(STORE_VARIABLE, STORE_DEFAULT) else ["--store", store]
