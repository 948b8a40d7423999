"""``dit-ablate cache-latents``."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import out
from service.cli.exit_codes import INTERRUPTED


class Dtype(StrEnum):
    """Float type that latents are kept in."""

    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"


def cache_latents(
    images: Annotated[
        str, typer.Argument(metavar="IMAGES", help="Folder of images, or a hub name.", show_default=False)
    ],
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the latents.", show_default=False)],
    vae: Annotated[
        str,
        typer.Option(
            "--vae", metavar="NAME_OR_PATH", help="AutoencoderKL: a hub name or a folder.", show_default=False
        ),
    ],
    image_size: Annotated[
        int, typer.Option("--image-size", min=1, help="Side of the cropped images, in pixels.")
    ] = 256,
    data: Annotated[
        str, typer.Option("--data", metavar="NAME", help="How to read IMAGES: image-folder or huggingface.")
    ] = "image-folder",
    image_column: Annotated[
        str | None, typer.Option("--image-column", metavar="NAME", help="Column of images (huggingface).")
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option("--label-column", metavar="NAME", help="Column of labels, 'none' for unlabelled (huggingface)."),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Split to take images from (huggingface).")
    ] = None,
    skip_corrupt: Annotated[
        bool, typer.Option("--skip-corrupt", help="Leave out images that cannot be read (they are named).")
    ] = False,
    no_flips: Annotated[
        bool,
        typer.Option("--no-flips", help="Leave out the mirror images: half the work; no random flips in training."),
    ] = False,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Images encoded at once.")] = 32,
    shard_size: Annotated[int, typer.Option("--shard-size", min=1, help="Images per file.")] = 4096,
    dtype: Annotated[Dtype, typer.Option(help="Float type that latents are kept in.")] = Dtype.float32,
    device: Annotated[
        str | None,
        typer.Option(help="Where the VAE works: cpu, cuda, cuda:1.  \\[default: the GPU, if any]", show_default=False),
    ] = None,
) -> None:
    """Encode images with a VAE once, so that training reads latents.

    The posterior's mean and standard deviation are kept for every image and its mirror image: training still samples
    and flips at random. The same command continues where it was stopped or killed; finished files are verified and
    not encoded again.

    [bold]Example[/]

    dit-ablate cache-latents imagenet/train imagenet-256 --vae stabilityai/sd-vae-ft-ema --image-size 256
    """
    from dit_core.data import DataConfig
    from dit_core.data.cache_latents import cache_latents as cache
    from dit_core.errors import parse
    from service.cli.caching_view import caching
    from service.command_text import setting_argument

    source = parse(
        DataConfig,
        {
            "name": data,
            "path": images,
            "image_size": image_size,
            "image_column": image_column,
            "label_column": label_column,
            "source_split": split,
            "corrupt": "skip" if skip_corrupt else "refuse",
        },
    )
    console = out()
    console.print(f"Reading {images}: every image is decoded once, or known from before", soft_wrap=True, markup=False)
    try:
        with caching(console) as tell:
            manifest = cache(
                source,
                folder,
                vae,
                batch_size=batch_size,
                shard_size=shard_size,
                flips=not no_flips,
                dtype=dtype.value,
                device=device,
                tell=tell,
            )
    except KeyboardInterrupt:
        console.print("Stopped. Finished files are kept; the same command continues.", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    size = sum((folder / shard.file).stat().st_size for shard in manifest.shards)
    written = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
    classes = f"{manifest.num_classes} classes" if manifest.num_classes else "unlabelled"
    settings = {
        "data.name": "latents",
        "data.path": folder.absolute(),
        "data.image_size": image_size,
        "data.vae": vae,
        "data.vae_scale": manifest.scale,
        "model.input_size": manifest.shape[1],
        "model.in_channels": manifest.shape[0],
        "model.num_classes": manifest.num_classes,
    }
    advice = " ".join(f"--set {shlex.quote(setting_argument(name, value))}" for name, value in settings.items())
    console.print(
        f"{manifest.count:,} images ({classes}) as latents of {' x '.join(map(str, manifest.shape))} in {folder}, "
        f"{written}. Train on them with\n  {advice}",
        soft_wrap=True,
        markup=False,
    )
