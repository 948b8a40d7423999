"""``dit-ablate repair``."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from service.cli.console import err, out
from service.cli.exit_codes import FAILED, INTERRUPTED
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption
from service.cli.verify import StudiesArgument


def repair(
    study: StudiesArgument = None,
    store: StoreOption = STORE_DEFAULT,
    train: Annotated[
        bool, typer.Option("--train", help="Also make again what needs training; `verify` says how much.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make again what is damaged; nothing is deleted, and no training is done unless it is asked for.

    Records that follow from others are written, and what a sound checkpoint still tells is evaluated again. With
    --train, holes in curves, checkpoints and evaluations without weights are trained again from the newest sound
    checkpoint before them, aside, and recorded only where they come out as they were. The exit code is 1 when
    something that results rest on is still damaged.

    [bold]Examples[/]

    dit-ablate repair

    dit-ablate repair dit-digits --train
    """
    from rich.text import Text

    from service.client import Client

    console = err() if json else out()
    client = Client(store=store)
    done = client.repair(study, train=train, tell=lambda line: console.print(Text(line), soft_wrap=True))
    left = [(finding, why) for finding, why in done.left if finding.counts]
    if json:
        data = {
            "mended": [finding.to_json() for finding in done.mended],
            "left": [{**finding.to_json(), "why": why} for finding, why in done.left],
            "interrupted": done.interrupted,
        }
        typer.echo(json_text.dumps(data, indent=2))
    else:
        for finding, why in left:
            console.print(Text(f"left: {finding.damage.text}: {why}", style="yellow"), soft_wrap=True)
        if done.interrupted:
            console.print("Stopped; what was made again stands, and the same command goes on.")
        elif not left:
            console.print("Nothing that results rest on is damaged.")
    raise typer.Exit(INTERRUPTED if done.interrupted else FAILED if left else 0)
