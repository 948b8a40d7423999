"""``dit-ablate promote``."""

from __future__ import annotations

import dataclasses
import json as json_text
from typing import Annotated

import typer

from service.cli.console import err, out
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption, TrackingOption


def promote(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study that the store holds.", show_default=False)],
    arm: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which arm; the best of a finished study unless given.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Which of its seeds; the first that ran to the budget unless given, as the best one flatters.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The registered model; named as the study unless given.", show_default=False),
    ] = None,
    store: StoreOption = STORE_DEFAULT,
    tracking_uri: TrackingOption = None,
    json: JsonOption = False,
) -> None:
    """Register the arm that a study settles on as a model in MLflow, in safetensors.

    The version gets the alias `settled`. The same weights again are the same version.

    [bold]Examples[/]

    dit-ablate promote dit-digits

    dit-ablate promote my-study --arm patch_size=4 --seed 1 --model my-dit
    """
    from service.analysis import numbers
    from service.client import Client

    found = Client(store=store, tracking_uri=tracking_uri).promote(study, arm=arm, seed=seed, model=model)
    if json:
        typer.echo(json_text.dumps(dataclasses.asdict(found), indent=2))
        return
    what = f"{found.arm} seed={found.seed}, {found.weights} weights after {numbers.whole(found.images)} images"
    out().print(f"{found.model} version {found.version}: {what}", soft_wrap=True, markup=False)
    out().print(f"Address {found.uri}", soft_wrap=True, markup=False)
    for note in found.notes:
        err().print(f"Note: {note}", soft_wrap=True, markup=False)
