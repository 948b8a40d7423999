"""A folder of VAE latents (see ``dit_core.data.latents_format``), trained on directly and decoded for evaluation."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dit_core.data.base import ImageDataset, Inputs, Split
from dit_core.data.config import DataConfig
from dit_core.data.corrupt import settle
from dit_core.data.feature_folders import recognise
from dit_core.data.latents_format import MANIFEST, PARTIAL, Manifest, Shard, read_manifest, unpack_names
from dit_core.data.paths import data_folder, file_stamp
from dit_core.data.split import split_indices
from dit_core.data.vae import check_vae, decode_latents, load_vae, vae_identity
from dit_core.data.verification import verify
from dit_core.errors import UserError
from dit_core.files import file_sha256


class Latents(ImageDataset):
    """Scaled latents; shards are memory-mapped and only the rows of a batch are read.

    A ``posterior`` folder gives means ``(mean - shift) * scale`` and deviations ``std * scale``, so that the trainer
    draws ``(mean + std * noise - shift) * scale``. Reference images are decoded posterior means (or samples).
    """

    name = "latents"

    def __init__(self, manifest: Manifest, shards: list[tuple[Shard, Any]], config: DataConfig, vae: str) -> None:
        self.channels, self.size, _ = manifest.shape
        self.num_classes = manifest.num_classes
        self._manifest = manifest
        self._posterior = manifest.kind == "posterior"
        self._vae = vae
        # memory-mapped: rows are read from the file when they are asked for
        self._shards = [{name: file.get_tensor(name) for name in manifest.tensors} for _, file in shards]
        self._first = torch.tensor([0, *(shard.count for shard, _ in shards)]).cumsum(0)
        keys = [key for _, file in shards for key in unpack_names(file.get_tensor("names"))]
        train, held_out = split_indices(keys, config.held_out_fraction, config.split_seed)
        self._names = [keys[row] for row in train]
        self._indices: dict[Split, list[int]] = {"train": train, "held_out": held_out}
        labels = torch.cat([file.get_tensor("labels").long() for _, file in shards])
        self._labels = labels[train]
        channels = load_vae(vae, torch.device("cpu")).config.out_channels
        self.image_shape = (channels, config.image_size, config.image_size)
        content = hashlib.sha256(f"{manifest.kind} {manifest.scale!r} {manifest.shift!r} {manifest.shape}\n".encode())
        for shard, _ in shards:
            content.update(f"{shard.sha256}\n".encode())
        content.update(json.dumps(train).encode())
        self.fingerprint = content.hexdigest()

    @classmethod
    def load(cls, config: DataConfig) -> Self:
        folder = data_folder(config)
        manifest = _read_manifest(folder)
        if config.random_flip and not manifest.flipped:
            raise UserError("data.random_flip: true given, but the folder holds no latents of flipped images")
        if manifest.shape[1] != manifest.shape[2]:
            raise UserError(f"data.path: latents of {manifest.shape[1]}x{manifest.shape[2]} given; they must be square")
        source = _checked_vae(manifest, config)
        digests, _ = verify(
            f"latents {folder.resolve()}",
            [shard.file for shard in manifest.shards],
            [file_stamp(folder / shard.file) for shard in manifest.shards],
            lambda index: file_sha256(folder / manifest.shards[index].file),
        )
        shards, bad = [], []
        for shard, digest in zip(manifest.shards, digests, strict=True):
            try:
                shards.append((shard, _open_shard(folder, shard, digest, manifest)))
            except UserError as error:
                bad.append(str(error))
        notes = settle(bad, len(manifest.shards), "shards of latents", config.corrupt)
        dataset = cls(manifest, shards, config, source)
        dataset.notes = notes
        return dataset

    @classmethod
    def stamp(cls, config: DataConfig) -> str:
        folder = data_folder(config)
        _read_manifest(folder)
        files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
        return json.dumps([(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files])

    def count(self, split: Split) -> int:
        return len(self._indices[split])

    def names(self) -> list[str]:
        return self._names

    def batch(self, indices: Tensor, flip: Tensor | None = None) -> Inputs:
        flips = [False] * len(indices) if flip is None else flip.tolist()
        if any(flips) and not self._manifest.flipped:
            raise ValueError("this folder holds no latents of flipped images")
        rows = [self._indices["train"][i] for i in indices.tolist()]
        std = self._gather("std", rows, flips).mul_(self._manifest.scale) if self._posterior else None
        return Inputs(self._read(rows, flips), self._labels[indices], std)

    def reference(self, split: Split, batch_size: int = 256) -> Iterator[Tensor]:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        rows = self._indices[split]
        for start in range(0, len(rows), batch_size):
            chosen = rows[start : start + batch_size]
            yield self.to_images(self._read(chosen, [False] * len(chosen)).to(device)).cpu()

    def to_images(self, x: Tensor) -> Tensor:
        return decode_latents(load_vae(self._vae, x.device), x, self._manifest.scale, self._manifest.shift)

    def _read(self, rows: list[int], flips: list[bool]) -> Tensor:
        """Returns scaled latents, or the means of scaled latents, float32 (n, C, H, W)."""
        x = self._gather("mean" if self._posterior else "latents", rows, flips)
        return x.sub_(self._manifest.shift).mul_(self._manifest.scale)

    def _gather(self, tensor: str, rows: list[int], flips: list[bool]) -> Tensor:
        """Returns rows of the whole folder, float32: a gather a shard, in which no row is touched from Python."""
        wanted, flipped = torch.tensor(rows), torch.tensor(flips)
        shards = torch.searchsorted(self._first, wanted, right=True) - 1
        out = torch.empty(len(rows), *self._manifest.shape)
        for number in shards.unique().tolist():
            for mirrored, name in ((False, tensor), (True, f"{tensor}_flipped")):
                here = ((shards == number) & (flipped == mirrored)).nonzero().flatten()
                if len(here):
                    out[here] = self._shards[number][name][wanted[here] - self._first[number]].float()
        return out


def _read_manifest(folder: Path) -> Manifest:
    try:
        manifest = read_manifest(folder / MANIFEST)
    except FileNotFoundError:
        if (folder / PARTIAL).exists():
            raise UserError(
                f"data.path: the latents in {str(folder)!r} are not finished; run the same dit-ablate cache-latents "
                f"again"
            ) from None
        if (foreign := recognise(folder)) is not None:
            raise UserError(foreign.sentence("data.path")) from None
        raise UserError(f"data.path: no {MANIFEST} in {str(folder)!r}; is it a folder of latents?") from None
    if not manifest.shards or sum(shard.count for shard in manifest.shards) != manifest.count:
        raise UserError(f"data.path: {MANIFEST} states {manifest.count} latents, its shards do not add up to that")
    return manifest


def _checked_vae(manifest: Manifest, config: DataConfig) -> str:
    """Returns the name of the VAE that decodes the latents, after checking that it is the one that made them.

    Raises:
        UserError: naming what does not fit.
    """
    if not math.isclose(manifest.scale, config.vae_scale, rel_tol=1e-4):
        raise UserError(f"data.vae_scale: {config.vae_scale} given, but {MANIFEST} states {manifest.scale}")
    made_by = manifest.vae
    source = config.vae or (made_by.name if made_by is not None else None)
    if source is None:
        raise UserError(f"data.vae: required to decode the latents, since {MANIFEST} names none")
    vae = load_vae(source, torch.device("cpu"))
    if made_by is not None:
        given = vae_identity(source)
        if given.encoder != made_by.encoder:
            raise UserError(
                f"data.vae: {source!r} has other encoder weights ({given.encoder[:12]}) than the VAE that made the "
                f"latents, {made_by.name!r} ({made_by.encoder[:12]})"
            )
        if config.vae is None and given.decoder != made_by.decoder:
            raise UserError(f"data.vae: the decoder of {source!r} has changed since the latents were made; name a VAE")
    check_vae(
        vae, source, shape=manifest.shape, image_size=config.image_size, scale=manifest.scale, shift=manifest.shift
    )
    return source


def _open_shard(folder: Path, shard: Shard, digest: str | None, manifest: Manifest) -> Any:
    """Verifies one shard completely and returns it memory-mapped.

    Args:
        folder: where it lies.
        shard: what the manifest says about it.
        digest: its SHA-256; None when it could not be read.
        manifest: what the manifest says about all of them.

    Raises:
        UserError: ``name (reason)``.
    """
    path = folder / shard.file
    try:
        if digest is None:
            raise UserError(f"{shard.file} ({'it cannot be read' if path.exists() else 'missing'})")
        if digest != shard.sha256:
            raise UserError(f"{shard.file} (its SHA-256 is not the one in {MANIFEST})")
        file: Any = safe_open(path, framework="pt")
        missing = {*manifest.tensors, "labels", "names"} - set(file.keys())
        if missing:
            raise UserError(f"{shard.file} (no tensor {', '.join(sorted(missing))})")
        for name in manifest.tensors:
            if tuple(file.get_slice(name).get_shape()) != (shard.count, *manifest.shape):
                raise UserError(f"{shard.file} ({name} is not {shard.count} latents of {manifest.shape})")
        labels = file.get_tensor("labels")
        if labels.shape != (shard.count,) or labels.is_floating_point():
            raise UserError(f"{shard.file} (labels are not {shard.count} integers)")
        highest = max(manifest.num_classes - 1, 0)
        if labels.min() < 0 or labels.max() > highest:
            raise UserError(f"{shard.file} (a label is outside 0 .. {highest})")
        if len(unpack_names(file.get_tensor("names"))) != shard.count:
            raise UserError(f"{shard.file} (names are not {shard.count})")
    except (OSError, SafetensorError) as error:
        raise UserError(f"{shard.file} ({error})") from None
    return file
