"""Encoding a data set of images with a VAE once, so that training reads latents (``dit-ablate cache-latents``).

Posterior mean and standard deviation are kept for the image and for its mirror image, so that sampling and flipping
stay random in training: the recipe draws a new posterior sample, and flips anew, whenever an image is used.

The folder is made shard by shard. While that goes on its manifest is called ``latents.partial.json`` and names the
shards that are finished, each with its SHA-256; another run with the same images, VAE and settings verifies these and
encodes the rest. The finished manifest is ``latents.json`` (see ``dit_core.data.latents_format``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dit_core.data import load_dataset
from dit_core.data.base import from_uint8
from dit_core.data.config import DataConfig
from dit_core.data.latents_format import (
    MANIFEST,
    PARTIAL,
    Manifest,
    Shard,
    Source,
    VaeIdentity,
    read_manifest,
    write_manifest,
    write_shard,
)
from dit_core.data.paths import printable
from dit_core.data.pixels import PixelDataset
from dit_core.data.vae import check_scale, encode_images, load_vae, shift_of, shrink_factor, vae_identity
from dit_core.errors import UserError, unknown
from dit_core.files import file_sha256

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Caching:
    """Where the work stands.

    Attributes:
        done: images whose latents are in the folder or in memory.
        total: images in all.
        kept: images whose latents were in the folder before.
        note: a sentence a person should read, or "".
    """

    done: int
    total: int
    kept: int
    note: str = ""


def cache_latents(
    source: DataConfig,
    folder: Path,
    vae: str,
    *,
    batch_size: int = 32,
    shard_size: int = 4096,
    flips: bool = True,
    dtype: str = "float32",
    device: str | None = None,
    tell: Callable[[Caching], None] = lambda state: None,
) -> Manifest:
    """Encodes a data set of images and writes a folder for the data set ``latents``, or goes on with one.

    The VAE works in float32. Batches begin anew with every shard, so a shard does not depend on what was encoded
    before it in the same run.

    Args:
        source: the images: any data set of pixels. Its split does not matter; the latents are split like it.
        folder: where the latents go; made if it does not exist.
        vae: hub name or local path of a diffusers ``AutoencoderKL``.
        batch_size: images encoded at once.
        shard_size: images per file.
        flips: keep the latents of the mirror images too, which ``data.random_flip`` needs.
        dtype: float type that the latents are kept in: ``float32``, ``float16`` or ``bfloat16``. The posterior's
            standard deviation of Stable Diffusion's VAE is far below the half-precision spacing of its mean.
        device: where the VAE works; None is the GPU when there is one.
        tell: told where the work stands, after every batch.

    Returns:
        The folder's manifest.

    Raises:
        UserError: when images, VAE and settings do not fit each other, or not what the folder was begun with, or
            another process is writing it, or the disk is full.
    """
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    where = parse_device(device)
    dataset = load_dataset(source)
    if not isinstance(dataset, PixelDataset):
        raise UserError(f"data.name: {source.name!r} given, but only images can be encoded, and these are latents")
    for note in dataset.notes:
        tell(Caching(0, len(dataset.keys), 0, note))
    model = load_vae(vae, where)
    plan = _plan(dataset, model, vae, shard_size, flips, dtype)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):
            return _Work(dataset, model, where, folder, plan, batch_size, tell).run()
    except OSError as error:
        raise UserError(f"{str(folder)!r} cannot be written ({error.strerror or error})") from None


def parse_device(name: str | None) -> torch.device:
    """Returns a device by its name; None is the GPU when there is one.

    Raises:
        UserError: when there is no such device.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device: {name!r} cannot be used ({str(error).splitlines()[0]}); allowed: cpu, cuda") from None
    return device


def _plan(dataset: PixelDataset, model: Any, vae: str, shard_size: int, flips: bool, dtype: str) -> Manifest:
    """Returns the manifest without its shards, after checking that the VAE encodes these images."""
    if model.config.in_channels != dataset.channels:
        raise UserError(
            f"data.vae: {vae!r} encodes images with {model.config.in_channels} channels, the data set "
            f"{dataset.name!r} has {dataset.channels}"
        )
    factor = shrink_factor(model)
    if dataset.size % factor:
        raise UserError(f"data.image_size: {dataset.size} given, but {vae!r} needs a multiple of {factor}")
    check_scale(model, vae, model.config.scaling_factor)
    side = dataset.size // factor
    return Manifest(
        kind="posterior",
        flipped=flips,
        shape=(model.config.latent_channels, side, side),
        dtype=dtype,
        scale=model.config.scaling_factor,
        shift=shift_of(model),
        vae=vae_identity(vae),
        source=Source(data_set=dataset.name, content=dataset.content, count=len(dataset.keys), image_size=dataset.size),
        num_classes=dataset.num_classes,
        count=len(dataset.keys),
        shard_size=shard_size,
        shards=(),
    )


@dataclass
class _Work:
    """One run: finds what is there, encodes what is not."""

    dataset: PixelDataset
    model: Any
    device: torch.device
    folder: Path
    plan: Manifest
    batch_size: int
    tell: Callable[[Caching], None]
    done: int = 0
    kept: int = 0

    def run(self) -> Manifest:
        shards, finished = self._found()
        self.done = self.kept = sum(shard.count for shard in shards.values())
        self._say()
        pieces = self._pieces()
        if finished and len(shards) == len(pieces):
            return read_manifest(self.folder / MANIFEST)
        self._save(shards, PARTIAL)
        (self.folder / MANIFEST).unlink(missing_ok=True)
        for number, rows in enumerate(pieces):
            if number not in shards:
                shards[number] = self._encode(number, rows)
                self._save(shards, PARTIAL)
        manifest = self._save(shards, MANIFEST)
        (self.folder / PARTIAL).unlink(missing_ok=True)
        return manifest

    def _pieces(self) -> list[range]:
        size, count = self.plan.shard_size, self.plan.count
        return [range(start, min(start + size, count)) for start in range(0, count, size)]

    def _found(self) -> tuple[dict[int, Shard], bool]:
        """Returns the shards that are there and sound, by number, and whether the folder was finished before."""
        for name in (PARTIAL, MANIFEST):  # the partial one exists beside the other only while it replaces it
            try:
                before = read_manifest(self.folder / name, field=str(self.folder))
            except FileNotFoundError:
                continue
            self._compare(before)
            shards = {int(shard.file.removesuffix(".safetensors").split("-")[1]): shard for shard in before.shards}
            sound = {number: shard for number, shard in shards.items() if self._sound(shard)}
            if len(sound) < len(shards):
                bad = [shard.file for number, shard in shards.items() if number not in sound]
                self.tell(Caching(0, self.plan.count, 0, f"damaged, encoded again: {', '.join(bad)}"))
            return sound, name == MANIFEST
        if any(self.folder.glob("*.safetensors")):
            raise UserError(f"{str(self.folder)!r} holds safetensors files but no {MANIFEST}; give another folder")
        return {}, False

    def _compare(self, before: Manifest) -> None:
        """Checks that the folder was begun with the same images, VAE and settings."""
        plan = self.plan
        old, new, old_vae, new_vae = before.source, plan.source, before.vae, plan.vae
        if old is None or old_vae is None or new is None or new_vae is None:
            raise UserError(f"{str(self.folder)!r} holds latents that were made elsewhere; give another folder")
        for what, was, now, shown in (
            ("image size", old.image_size, new.image_size, (old.image_size, new.image_size)),
            ("VAE", old_vae.encoder, new_vae.encoder, (_vae(old_vae), _vae(new_vae))),
            ("data set", old, new, (_source(old), _source(new))),
            ("shift and scale", (before.shift, before.scale), (plan.shift, plan.scale), None),
            ("flips", before.flipped, plan.flipped, None),
            ("dtype", before.dtype, plan.dtype, None),
            ("shard size", before.shard_size, plan.shard_size, None),
        ):
            if was != now:
                was, now = shown or (was, now)
                raise UserError(
                    f"{str(self.folder)!r} was begun with another {what} ({was}, now {now}); "
                    f"give the same, another folder, or remove this one"
                )

    def _sound(self, shard: Shard) -> bool:
        with suppress(OSError):
            return file_sha256(self.folder / shard.file) == shard.sha256
        return False

    def _encode(self, number: int, rows: range) -> Shard:
        parts: dict[str, list[Tensor]] = {}
        batches = [rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)]
        for chosen, images in _ahead(self.dataset.pixels, batches):
            x = from_uint8(images.to(self.device))
            for suffix, batch in (("", x), ("_flipped", x.flip(-1)))[: 2 if self.plan.flipped else 1]:
                mean, std = encode_images(self.model, batch)
                for name, value in (("mean", mean), ("std", std)):
                    value = value.to(DTYPES[self.plan.dtype])
                    self._finite(value, chosen)
                    parts.setdefault(name + suffix, []).append(value.cpu())
            self.done += len(chosen)
            self._say()
        tensors = {name: torch.cat(values) for name, values in parts.items()}
        tensors["labels"] = self.dataset.row_labels[rows.start : rows.stop]
        return write_shard(self.folder, number, self.dataset.keys[rows.start : rows.stop], tensors)

    def _finite(self, value: Tensor, rows: Sequence[int]) -> None:
        fine = torch.isfinite(value).flatten(1).all(1)
        if not bool(fine.all()):
            key = self.dataset.keys[rows[int((~fine).nonzero()[0])]]
            raise UserError(f"data.vae: the latent of {printable(key)} is not finite in {self.plan.dtype}")

    def _save(self, shards: dict[int, Shard], name: str) -> Manifest:
        manifest = self.plan.model_copy(update={"shards": tuple(shards[number] for number in sorted(shards))})
        write_manifest(self.folder / name, manifest)
        return manifest

    def _say(self) -> None:
        self.tell(Caching(self.done, self.plan.count, self.kept))


def _vae(vae: VaeIdentity) -> str:
    return f"{vae.name} with encoder weights {vae.encoder[:12]}"


def _source(source: Source) -> str:
    return f"{source.count} images of {source.data_set} with content {source.content[:12]}"


def _ahead(read: Callable[[Sequence[int]], Tensor], batches: Sequence[range]) -> Iterator[tuple[range, Tensor]]:
    """Yields every batch of rows with its images; the next one is read meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(read, batches[0])
        for index, rows in enumerate(batches):
            images = pending.result()
            if index + 1 < len(batches):
                pending = pool.submit(read, batches[index + 1])
            yield rows, images


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time write a folder, where the file system has locks."""
    try:
        import fcntl
    except ImportError:  # a system without them
        yield
        return
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{str(folder)!r} is being written by another process; wait for it or stop it") from None
        except OSError:  # a file system without locks
            pass
        for left in folder.glob(".latents*.tmp*"):  # what a killed process has not finished
            left.unlink(missing_ok=True)
        yield
