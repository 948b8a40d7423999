"""Folders of latents that fast-DiT or LightningDiT has written, as one of our own (``cache-latents --from``).

No VAE works here. The latents stay the posterior samples that they are: a folder of the kind ``sample``, which has no
deviations, so that training draws no new ones (see ``dit_core.data.latents_format``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from dit_core.data.cache_latents import DTYPES, alone
from dit_core.data.feature_folders import FeatureFolder, recognise
from dit_core.data.latents_format import MANIFEST, PARTIAL, Manifest, VaeIdentity, write_latents
from dit_core.data.vae import check_scale, load_vae, shift_of, shrink_factor, vae_identity
from dit_core.errors import UserError, unknown
from dit_core.paths import expanded

SD_SCALE, SD_CHANNELS = 0.18215, 4
"""Of the VAEs of Stable Diffusion 1 and 2, which fast-DiT has always used."""


def convert_latents(
    source: str,
    folder: Path,
    *,
    vae: str | None = None,
    scale: float | None = None,
    flips: bool = True,
    dtype: str = "float32",
    shard_size: int = 4096,
) -> tuple[Manifest, FeatureFolder]:
    """Writes a folder for the data set ``latents`` from one that another program has written.

    Args:
        source: the other program's folder.
        folder: where the latents go; made if it does not exist. It may hold no latents yet.
        vae: the ``AutoencoderKL`` that made them, where it is at hand; gives scale and shift, and decodes them later.
        scale: of the VAE: model input = latent * scale. None takes the VAE's, or that of Stable Diffusion's.
        flips: keep the mirror images' latents, where there are any.
        dtype: float type that the latents are kept in.
        shard_size: latents per file.

    Returns:
        The new folder's manifest, and what the source is.

    Raises:
        UserError: the source is no such folder or is damaged, VAE and latents do not fit, or nothing can be written.
    """
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    if scale is not None and not 0 < scale < math.inf:
        raise UserError(f"--vae-scale: {scale} given; wanted: a number above 0")
    found = _recognised(source)
    names = found.names()
    channels = next(found.batches(1))["latents"].shape[1]
    scale, shift, made_by = _scaling(found, vae, scale, channels)
    classes = 0

    def batches() -> Iterator[dict[str, Tensor]]:
        nonlocal classes
        done = 0
        for batch in found.batches(shard_size):
            latents = {name: tensor for name, tensor in batch.items() if name != "labels"}
            if not flips:
                latents.pop("latents_flipped", None)
            for name, tensor in latents.items():
                value = tensor.float() / scale + shift if found.scaled else tensor
                value = value.to(DTYPES[dtype])
                fine = torch.isfinite(value).flatten(1).all(1)
                if not bool(fine.all()):
                    row = done + int((~fine).nonzero()[0])
                    raise UserError(f"--from: the latent {names[row]} of {source!r} is not finite in {dtype}")
                latents[name] = value
            classes = max(classes, int(batch["labels"].max()) + 1)
            done += len(batch["labels"])
            yield {**latents, "labels": batch["labels"]}

    try:
        folder.mkdir(parents=True, exist_ok=True)
        _empty(folder, found)
        with alone(folder):
            manifest = write_latents(
                folder,
                batches(),
                names,
                scale=scale,
                shift=shift,
                num_classes=lambda: classes,
                vae=made_by,
                shard_size=shard_size,
            )
    except OSError as error:
        raise UserError(f"{str(folder)!r} cannot be written ({error.strerror or error})") from None
    return manifest, found


def _recognised(source: str) -> FeatureFolder:
    folder = expanded(source, "--from")
    try:
        found = recognise(folder)
    except OSError as error:
        raise UserError(f"--from: {source!r} cannot be read ({error.strerror or error})") from None
    if found is None:
        raise UserError(
            f"--from: {source!r} holds neither imagenet256_features and imagenet256_labels, as fast-DiT writes them, "
            f"nor latents_rankRR_shardSSS.safetensors, as LightningDiT does"
        )
    return found


def _scaling(
    found: FeatureFolder, vae: str | None, scale: float | None, channels: int
) -> tuple[float, float, VaeIdentity | None]:
    """Returns scale and shift between the VAE's latents and model inputs, and the VAE's identity where it is given."""
    if vae is None:
        if scale is None and channels != SD_CHANNELS:
            raise UserError(
                f"--from: what the {channels}-channel latents of {str(found.folder)!r} are to be multiplied by is not "
                f"known; give --vae, the AutoencoderKL that made them, or --vae-scale"
            )
        return scale or SD_SCALE, 0.0, None
    model = load_vae(vae, torch.device("cpu"))
    if model.config.latent_channels != channels:
        raise UserError(
            f"--vae: {vae!r} has {model.config.latent_channels} latent channels, these latents have {channels}"
        )
    check_scale(model, vae, scale or model.config.scaling_factor)
    if found.scaled and shift_of(model):
        raise UserError(f"--vae: {vae!r} shifts its latents by {shift_of(model)}, which {found.program} does not do")
    return model.config.scaling_factor, shift_of(model), vae_identity(vae)


def _empty(folder: Path, found: FeatureFolder) -> None:
    """Refuses a folder that would mix the new latents with others."""
    if folder.resolve() == found.folder.resolve():
        raise UserError(f"OUT: {str(folder)!r} is the folder that is converted; give another one")
    if any((folder / name).exists() for name in (MANIFEST, PARTIAL)):
        raise UserError(f"OUT: {str(folder)!r} holds latents already; give another folder, or remove it")


def image_size_of(manifest: Manifest, otherwise: int) -> int:
    """Returns the side of the images that the latents were made of; ``otherwise`` where no VAE tells."""
    if manifest.vae is None:
        return otherwise
    return manifest.shape[1] * shrink_factor(load_vae(manifest.vae.name, torch.device("cpu")))
