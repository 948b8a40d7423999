"""The latents folder: what lies in it, and how to write one.

``latents.json`` (the manifest) and safetensors shards. Each shard holds ``labels`` (n,) int64 and either

- ``mean`` and ``std``, (n, C, H, W): the VAE's posterior, sampled anew whenever an image is used, or
- ``latents``, (n, C, H, W): one sample of it,

in any float type and *before* the multiplication by ``scale``. With ``"flipped": true`` each of these has a twin named
``..._flipped`` for the horizontally flipped image (a flipped latent is not the latent of the flipped image).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from dit_core.base import Config

MANIFEST = "latents.json"
KINDS: dict[str, tuple[str, ...]] = {"posterior": ("mean", "std"), "sample": ("latents",)}


class Shard(Config):
    """One safetensors file: its name in the folder, its rows and its SHA-256."""

    file: str
    count: int = Field(gt=0)
    sha256: str


class Manifest(Config):
    """``latents.json``.

    Attributes:
        version: version of the format.
        kind: ``posterior`` (mean and std) or ``sample`` (latents).
        flipped: whether the shards hold the flipped images' latents as well.
        shape: (C, H, W) of one latent.
        scale: model input = scale * latent.
        vae: hub name or path of the ``AutoencoderKL`` that made the latents.
        num_classes: number of classes.
        count: latents in all shards.
        shards: the files, in order.
    """

    version: Literal[1] = 1
    kind: Literal["posterior", "sample"]
    flipped: bool = False
    shape: tuple[int, int, int]
    scale: float = Field(gt=0)
    vae: str | None = None
    num_classes: int = Field(gt=0)
    count: int = Field(gt=0)
    shards: tuple[Shard, ...]

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the latent tensors in every shard."""
        plain = KINDS[self.kind]
        return plain + tuple(f"{name}_flipped" for name in plain) if self.flipped else plain


def write_latents(
    folder: Path,
    batches: Iterable[dict[str, Tensor]],
    *,
    scale: float,
    num_classes: int,
    vae: str | None = None,
    shard_size: int = 8192,
) -> Manifest:
    """Writes a latents folder; the manifest comes last, so that an interrupted writing leaves none.

    Args:
        folder: made if it does not exist.
        batches: each with ``labels`` (n,) and the same latent tensors (n, C, H, W), named as the module says.
        scale: model input = scale * latent.
        num_classes: number of classes.
        vae: hub name or path of the VAE that made the latents.
        shard_size: most rows in one file.

    Raises:
        ValueError: when a batch's tensors are not what the format has, or there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[Shard] = []
    pending: dict[str, list[Tensor]] = {}
    waiting = 0
    layout: tuple[frozenset[str], tuple[int, ...]] | None = None
    for batch in batches:
        found = (frozenset(batch) - {"labels"}, tuple(next(v for k, v in batch.items() if k != "labels").shape[1:]))
        layout = layout or found
        if found != layout or any(len(v) != len(batch["labels"]) for v in batch.values()):
            raise ValueError(f"a batch with tensors {sorted(batch)} of shape {found[1]} does not fit the first")
        for name, tensor in batch.items():
            pending.setdefault(name, []).append(tensor)
        waiting += len(batch["labels"])
        while waiting >= shard_size:
            pending = _flush(folder, shards, pending, shard_size)
            waiting -= shard_size
    if waiting:
        _flush(folder, shards, pending, waiting)
    if layout is None or not shards:
        raise ValueError("no latents were given")
    kind = next((k for k, names in KINDS.items() if set(names) <= layout[0]), None)
    flipped = any(name.endswith("_flipped") for name in layout[0])
    manifest = Manifest.model_validate(
        {"kind": kind, "flipped": flipped, "shape": layout[1], "scale": scale, "vae": vae, "num_classes": num_classes,
         "count": sum(shard.count for shard in shards), "shards": [shard.model_dump() for shard in shards]}
    )  # fmt: skip
    if set(manifest.tensors) != layout[0]:
        raise ValueError(f"tensors {sorted(layout[0])} given; a {kind} folder has {', '.join(manifest.tensors)}")
    temporary = folder / f".{MANIFEST}.tmp"
    temporary.write_text(manifest.model_dump_json(indent=2))
    os.replace(temporary, folder / MANIFEST)
    return manifest


def _flush(folder: Path, shards: list[Shard], pending: dict[str, list[Tensor]], rows: int) -> dict[str, list[Tensor]]:
    """Writes the first ``rows`` pending rows as the next shard and returns the rest."""
    from safetensors.torch import save_file

    joined = {name: torch.cat(parts) for name, parts in pending.items()}
    path = folder / f"latents-{len(shards):05d}.safetensors"
    save_file({name: tensor[:rows].cpu().contiguous() for name, tensor in joined.items()}, path)
    shards.append(Shard(file=path.name, count=rows, sha256=file_sha256(path)))
    return {name: [tensor[rows:]] for name, tensor in joined.items()}


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
