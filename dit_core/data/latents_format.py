"""The latents folder: what lies in it, and how to write one.

``latents.json`` (the manifest) and safetensors shards. Each shard holds ``labels`` (n,) int64, ``names`` (the images'
names in UTF-8, separated by NUL, as one uint8 vector) and either

- ``mean`` and ``std``, (n, C, H, W): the VAE's posterior, sampled anew whenever an image is used, or
- ``latents``, (n, C, H, W): one sample of it,

in any float type and as the VAE gives them: the model input is (latent - ``shift``) * ``scale``. With
``"flipped": true`` each of these has a twin named ``..._flipped`` for the horizontally flipped image (a flipped latent
is not the latent of the flipped image).

The names decide the split between training and held-out images, so that latents and the images they came from are
split alike. ``dit-ablate cache-latents`` makes such folders (``dit_core.data.cache_latents``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor

from dit_core.base import Config
from dit_core.data.paths import file_bytes
from dit_core.errors import UserError, parse
from dit_core.files import file_sha256, replacing, write_durably

MANIFEST = "latents.json"
PARTIAL = "latents.partial.json"
"""The manifest of a folder that is not finished (see ``dit_core.data.cache_latents``)."""

VERSION = 2
KINDS: dict[str, tuple[str, ...]] = {"posterior": ("mean", "std"), "sample": ("latents",)}


class Shard(Config):
    """One safetensors file: its name in the folder, its rows and its SHA-256."""

    file: str
    count: int = Field(gt=0)
    sha256: str


class Source(Config):
    """The images that latents were made of.

    Attributes:
        data_set: name in ``dit_core.parts.DATASETS``.
        content: SHA-256 of all its images, names and labels.
        count: number of images.
        image_size: side of the images, in pixels.
        crop: how they were cropped to a square.
    """

    data_set: str
    content: str
    count: int = Field(gt=0)
    image_size: int = Field(gt=0)
    crop: str = "box halving, bicubic, centre"


class VaeIdentity(Config):
    """An ``AutoencoderKL``.

    Attributes:
        name: hub name or local path, as it was given.
        encoder: SHA-256 of the weights that make latents of images. VAEs that share it share their latents.
        decoder: SHA-256 of the weights that make images of latents.
    """

    name: str
    encoder: str
    decoder: str


class Manifest(Config):
    """``latents.json``.

    Attributes:
        version: version of the format.
        kind: ``posterior`` (mean and std) or ``sample`` (latents).
        flipped: whether the shards hold the flipped images' latents as well.
        shape: (C, H, W) of one latent.
        dtype: float type of the latents, such as ``float32``.
        scale: model input = (latent - shift) * scale.
        shift: see ``scale``.
        vae: the ``AutoencoderKL`` that made the latents, when it is known.
        source: the images they were made of, when they are known.
        num_classes: number of classes, 0 for unlabelled images.
        count: latents in all shards.
        shard_size: most rows in one shard.
        shards: the files, in order.
    """

    version: Literal[2] = 2
    kind: Literal["posterior", "sample"]
    flipped: bool = False
    shape: tuple[int, int, int]
    dtype: str = "float32"
    scale: float = Field(gt=0)
    shift: float = 0.0
    vae: VaeIdentity | None = None
    source: Source | None = None
    num_classes: int = Field(ge=0)
    count: int = Field(gt=0)
    shard_size: int = Field(8192, gt=0)
    shards: tuple[Shard, ...]

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the latent tensors in every shard."""
        plain = KINDS[self.kind]
        return plain + tuple(f"{name}_flipped" for name in plain) if self.flipped else plain


def read_manifest(path: Path, field: str = "data.path") -> Manifest:
    """Reads a manifest.

    Args:
        path: the file.
        field: what the user gave the folder as, which opens the error.

    Raises:
        FileNotFoundError: when it does not exist.
        UserError: when it cannot be read, is of another version or is not a manifest.
    """
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(f"{field}: {path.name} cannot be read ({error})") from None
    version = data.get("version", VERSION) if isinstance(data, dict) else VERSION
    if version != VERSION:
        raise UserError(
            f"{field}: {path.name} is of version {version}, this program reads version {VERSION}; make the latents "
            f"anew with dit-ablate cache-latents"
        )
    return parse(Manifest, data, path.name)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Writes a manifest, whole or not at all."""
    write_durably(path, manifest.model_dump_json(indent=2).encode())


def write_shard(folder: Path, number: int, names: Sequence[str], tensors: dict[str, Tensor]) -> Shard:
    """Writes one shard, whole or not at all.

    Args:
        folder: the latents folder.
        number: place of the shard in the folder.
        names: the images' names.
        tensors: ``labels`` and the latent tensors, one row per name.
    """
    path = folder / f"latents-{number:05d}.safetensors"
    packed = torch.from_numpy(np.frombuffer(b"\0".join(map(file_bytes, names)), np.uint8).copy())
    rows = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        save_file({"names": packed, **rows}, temporary)
        return Shard(file=path.name, count=len(names), sha256=file_sha256(temporary))


def unpack_names(packed: Tensor) -> list[str]:
    """Returns the names in a shard's ``names``."""
    return packed.numpy().tobytes().decode("utf-8", "surrogateescape").split("\0")


def write_latents(
    folder: Path,
    batches: Iterable[dict[str, Tensor]],
    names: Sequence[str],
    *,
    scale: float,
    num_classes: int | Callable[[], int],
    shift: float = 0.0,
    vae: VaeIdentity | None = None,
    shard_size: int = 8192,
) -> Manifest:
    """Writes latents that were made elsewhere; the manifest comes last, so an interrupted writing leaves none.

    Args:
        folder: made if it does not exist.
        batches: each with ``labels`` (n,) and the same latent tensors (n, C, H, W), named as the module says.
        names: one distinct name per latent; the split between training and held-out images is a function of them.
        scale: model input = (latent - shift) * scale.
        num_classes: number of classes, 0 for unlabelled images; or what tells it once all batches are written.
        shift: see ``scale``.
        vae: the VAE that made the latents.
        shard_size: most rows in one file.

    Raises:
        ValueError: when a batch's tensors are not what the format has, there is none, or the names do not fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[Shard] = []
    pending: dict[str, Tensor] = {}
    layout: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}
    written = 0
    for batch in batches:
        found = {name: (tuple(tensor.shape[1:]), tensor.dtype) for name, tensor in batch.items()}
        layout = layout or found
        if found != layout or len({len(tensor) for tensor in batch.values()}) != 1:
            raise ValueError(f"a batch with tensors {sorted(batch)} does not fit the first one, or itself")
        pending = {name: torch.cat([pending[name], tensor]) if pending else tensor for name, tensor in batch.items()}
        while len(pending["labels"]) >= shard_size:
            head = {name: tensor[:shard_size] for name, tensor in pending.items()}
            pending = {name: tensor[shard_size:] for name, tensor in pending.items()}
            shards.append(write_shard(folder, len(shards), names[written : written + shard_size], head))
            written += shard_size
    rest = len(pending["labels"]) if pending else 0
    if written + rest == 0:
        raise ValueError("no latents were given")
    if len(set(names)) != len(names) or len(names) != written + rest:
        raise ValueError(f"{len(names)} names ({len(set(names))} distinct) given for {written + rest} latents")
    if callable(num_classes):
        num_classes = num_classes()
    kind = next((kind for kind, tensors in KINDS.items() if set(tensors) <= set(layout)), None)
    latents = next(name for name in layout if name != "labels")
    manifest = Manifest.model_validate(
        {"kind": kind, "flipped": any(name.endswith("_flipped") for name in layout), "shape": layout[latents][0],
         "dtype": str(layout[latents][1]).removeprefix("torch."), "scale": scale, "shift": shift, "vae": vae,
         "num_classes": num_classes, "count": len(names), "shard_size": shard_size, "shards": ()}
    )  # fmt: skip
    if {*manifest.tensors, "labels"} != set(layout):
        raise ValueError(f"tensors {sorted(layout)} given; a {kind} folder has {', '.join(manifest.tensors)}")
    if rest:
        shards.append(write_shard(folder, len(shards), names[written:], pending))
    manifest = manifest.model_copy(update={"shards": tuple(shards)})
    write_manifest(folder / MANIFEST, manifest)
    return manifest
