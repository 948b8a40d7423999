"""``dit-ablate init``."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import err, out
from service.cli.options import JsonOption

if TYPE_CHECKING:
    from service.first_study.init import FirstStudy


def init(
    data: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|DATASET",
            help="A folder of images (sub-folders are classes), of Parquet files or of latents; or a hub name.",
            show_default=False,
        ),
    ],
    vae: Annotated[
        str | None,
        typer.Option(
            "--vae",
            metavar="NAME_OR_PATH",
            help="Train on latents of this AutoencoderKL instead of pixels; they are made beside the study file.",
            show_default=False,
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            "--image-size",
            min=1,
            help="Side of the images: 16, 32 or 64 pixels; with --vae anything that it takes.  "
            "\\[default: what fits the images; 256 with --vae]",
            show_default=False,
        ),
    ] = None,
    hours: Annotated[
        float, typer.Option("--hours", help="About how long the whole study may take on this machine.")
    ] = 2.0,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="The study file; named after the data unless given."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Look at your own images and write a study file for them that runs on this machine.

    The study asks three questions. Its metric works offline: it compares features of a small network that is trained
    on your training images now, once.

    [bold]Examples[/]

    dit-ablate init my-images

    dit-ablate init my-images --vae stabilityai/sd-vae-ft-ema --hours 24
    """
    from service.first_study.init import write_first_study

    def tell(text: str) -> None:
        err().print(text, soft_wrap=True, markup=False)

    found = write_first_study(data, vae=vae, image_size=image_size, hours=hours, to=to, tell=tell)
    if json:
        shown = {"file": str(found.path), "survey": found.survey.to_json(), "study": found.study}
        typer.echo(json_text.dumps(shown, indent=2))
        return
    for line in lines(found):
        out().print(line, soft_wrap=True, markup=False)


def lines(found: FirstStudy) -> Iterator[str]:
    """Says what the data is, what the study will take, and what to do next."""
    from service.analysis import numbers
    from service.command_text import join

    survey, study = found.survey, found.study
    classes = "unlabelled"
    if survey.classes:
        classes = numbers.plural(survey.classes, "class").replace("classs", "classes")
    if survey.per_class is not None:
        low, high = survey.per_class
        classes += f" of {low:,} images" if low == high else f" of {low:,} to {high:,} images"
    yield f"{survey.count:,} images, {classes}"
    if survey.sizes:
        (width, height), number = survey.sizes.most_common(1)[0]
        more = "" if len(survey.sizes) == 1 else f" and {numbers.plural(len(survey.sizes) - 1, 'other size')}"
        yield f"Sizes: {width}x{height} ({number:,}){more}; modes: {', '.join(survey.modes)}"
    yield from (f"Note: {note}" for note in survey.notes)
    ahead = found.estimate.whole.total if found.estimate.finish is None else found.estimate.finish
    yield (
        f"Wrote {found.path}: {study['baseline']['profile']}, {study['budget_images']:,} images for each of the "
        f"trials, about {numbers.duration(ahead.middle)} in all ({numbers.duration(ahead.low)} to "
        f"{numbers.duration(ahead.high)}) on this machine"
    )
    if ahead.middle > found.machine.hours * 3600 * 1.05:
        yield (
            f"Note: that is more than {found.machine.hours:g} hours; fewer images would show nothing. A GPU, smaller "
            "images or fewer seeds make it shorter"
        )
    yield f"Metric: {study['primary_metric']}, in features of a network trained on these images; it is no FID"
    yield f"Next: {join(['dit-ablate', 'plan', str(found.path)])}"
