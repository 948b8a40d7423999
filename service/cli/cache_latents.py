"""``dit-ablate cache-latents``."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import out
from service.cli.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from dit_core.data.latents_format import Manifest


class Dtype(StrEnum):
    """Float type that latents are kept in."""

    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"


def cache_latents(
    images: Annotated[
        str,
        typer.Argument(
            metavar="[IMAGES]", help="Folder of images, or a hub name; none with --from.", show_default=False
        ),
    ],
    folder: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="Folder for the latents.", show_default=False)
    ] = None,
    vae: Annotated[
        str | None,
        typer.Option(
            "--vae",
            metavar="NAME_OR_PATH",
            help="AutoencoderKL: a hub name or a folder; with --from, the one that made the latents, if at hand.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="Convert latents that fast-DiT or LightningDiT has written, in place of encoding images.",
            show_default=False,
        ),
    ] = None,
    vae_scale: Annotated[
        float | None,
        typer.Option(
            "--vae-scale",
            metavar="NUMBER",
            help="Factor between the VAE's latents and model inputs (--from).  \\[default: the VAE's, or 0.18215 for 4 "
            "channels]",
            show_default=False,
        ),
    ] = None,
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

    [bold]Examples[/]

    dit-ablate cache-latents imagenet/train imagenet-256 --vae stabilityai/sd-vae-ft-ema --image-size 256

    dit-ablate cache-latents --from fast-dit/features imagenet-256
    """
    from dit_core.data import DataConfig
    from dit_core.data.cache_latents import cache_latents as cache
    from dit_core.errors import UserError, parse
    from service.cli.caching_view import caching

    if source is not None:
        chosen = {"--data": data != "image-folder", "--image-column": image_column, "--label-column": label_column,
                  "--split": split, "--skip-corrupt": skip_corrupt, "--device": device}  # fmt: skip
        if unused := [name for name, value in chosen.items() if value]:
            raise UserError(f"{unused[0]}: no images are read with --from; leave it out")
        if folder is not None:
            raise UserError(f"--from: IMAGES ({images!r}) given, too; give either, and OUT")
        _convert(source, Path(images), vae, vae_scale, image_size, not no_flips, dtype, shard_size)
        return
    if folder is None or vae is None:
        raise UserError(f"{'OUT' if folder is None else '--vae'}: required to encode images and missing")
    if vae_scale is not None:
        raise UserError("--vae-scale: only with --from; the scale of images' latents is their VAE's")
    config = parse(
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
                config,
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
    _advise(manifest, folder, vae, image_size)


def _convert(
    source: str,
    folder: Path,
    vae: str | None,
    scale: float | None,
    image_size: int,
    flips: bool,
    dtype: Dtype,
    shard_size: int,
) -> None:
    from dit_core.data.convert_latents import convert_latents, image_size_of

    manifest, found = convert_latents(
        source, folder, vae=vae, scale=scale, flips=flips, dtype=dtype.value, shard_size=shard_size
    )
    mirrored = "" if manifest.flipped else "; without mirror images, so that none are drawn either"
    out().print(
        f"Latents of {found.program}: one posterior sample an image without a deviation, so training draws no new "
        f"samples{mirrored}; multiplied by {manifest.scale:g} they are model inputs",
        soft_wrap=True,
        markup=False,
    )
    _advise(manifest, folder, vae, image_size_of(manifest, image_size))
    if vae is None:
        out().print("Name the VAE that made them, too: --set data.vae=NAME_OR_PATH", soft_wrap=True, markup=False)


def _advise(manifest: Manifest, folder: Path, vae: str | None, image_size: int) -> None:
    """Says what was written, and the settings that train on it."""
    from service.command_text import setting_argument

    size = sum((folder / shard.file).stat().st_size for shard in manifest.shards)
    written = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
    classes = f"{manifest.num_classes} classes" if manifest.num_classes else "unlabelled"
    settings = {
        "data.name": "latents",
        "data.path": folder.absolute(),
        "data.image_size": image_size,
        **({} if vae is None else {"data.vae": vae}),
        "data.vae_scale": manifest.scale,
        "model.input_size": manifest.shape[1],
        "model.in_channels": manifest.shape[0],
        "model.num_classes": manifest.num_classes,
        **({} if manifest.flipped else {"data.random_flip": False}),
    }
    advice = " ".join(f"--set {shlex.quote(setting_argument(name, value))}" for name, value in settings.items())
    out().print(
        f"{manifest.count:,} images ({classes}) as latents of {' x '.join(map(str, manifest.shape))} in {folder}, "
        f"{written}. Train on them with\n  {advice}",
        soft_wrap=True,
        markup=False,
    )
