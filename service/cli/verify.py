"""``dit-ablate verify``."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from service.cli.console import err, out
from service.cli.exit_codes import FAILED
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption
from service.default_store import require_folder

StudiesArgument = Annotated[
    str | None,
    typer.Argument(metavar="[STUDY]", help="A study in the store; without it, the whole store.", show_default=False),
]


def verify(study: StudiesArgument = None, store: StoreOption = STORE_DEFAULT, json: JsonOption = False) -> None:
    """Read every record, sample grid and checkpoint, and say what is damaged and what it costs to make it again.

    Nothing is changed. The exit code is 1 when something is damaged that results rest on.

    [bold]Examples[/]

    dit-ablate verify

    dit-ablate verify dit-digits --json
    """
    require_folder(store)
    from service.cli.verify_view import show
    from service.client import Client

    client = Client(store=store)
    verdict = client.verify(study)
    if json:
        typer.echo(json_text.dumps(verdict.to_json(), indent=2))
    else:
        show(verdict, client.require_store(), out() if verdict.is_sound else err())
    raise typer.Exit(0 if verdict.is_sound else FAILED)
