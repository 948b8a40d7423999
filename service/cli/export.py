"""``dit-ablate export``."""

from __future__ import annotations

import json as json_text
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dit_core.errors import UserError
from service.cli.console import err, out
from service.cli.options import STORE_DEFAULT, JsonOption, StoreOption, StudyArgument


class LayoutName(StrEnum):
    """Whose layout the weights are written in."""

    official = "official"
    diffusers = "diffusers"


def export(
    study: StudyArgument,
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            metavar="PATH",
            help="official: a new .pt or .safetensors file. diffusers: a new folder.",
            show_default=False,
        ),
    ],
    layout: Annotated[
        LayoutName,
        typer.Option(help="official: the paper's code (facebookresearch/DiT). diffusers: a DiTPipeline folder."),
    ] = LayoutName.diffusers,
    store: StoreOption = STORE_DEFAULT,
    arm: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which arm; the baseline unless given.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Which training seed; the study's first unless given.", show_default=False),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(help="Training images seen; the newest checkpoint unless given.", show_default=False),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The weights themselves instead of an average.")] = False,
    ema: Annotated[
        float | None,
        typer.Option(
            metavar="DECAY",
            help="Which average of the weights; the one that is evaluated unless given.",
            show_default=False,
        ),
    ] = None,
    vae: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="diffusers: AutoencoderKL to put into the pipeline, a hub name or a folder; data.vae unless given.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a trial's weights so that the paper's code or diffusers opens them.

    [bold]Examples[/]

    dit-ablate export dit-digits --layout official --to baseline.pt

    dit-ablate export my-study --arm patch_size=4 --seed 1 --images 400000 --vae stabilityai/sd-vae-ft-mse --to my-dit
    """
    from service.analysis import numbers
    from service.client import Client

    if raw and ema is not None:
        raise UserError("--raw and --ema ask for different weights; give one of them")
    exported = Client(store=store).export(
        study, to, layout=layout.value, arm=arm, seed=seed, images=images, decay=0.0 if raw else ema, vae=vae
    )
    if json:
        shown = {
            "path": str(exported.path),
            "layout": exported.layout,
            "images": exported.images,
            "weights": exported.weights,
            "notes": list(exported.notes),
        }
        typer.echo(json_text.dumps(shown, indent=2))
        return
    out().print(
        f"Wrote {exported.path}: {exported.layout} layout, {exported.weights} weights after "
        f"{numbers.whole(exported.images)} images",
        soft_wrap=True,
        markup=False,
    )
    for note in exported.notes:
        err().print(f"Note: {note}", soft_wrap=True, markup=False)
