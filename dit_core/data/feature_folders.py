"""Folders of latents as fast-DiT and LightningDiT write them: recognised, verified and read. Nothing is unpickled.

- fast-DiT: ``imagenet256_features/N.npy``, one latent (1, C, H, W) each that is multiplied by the VAE's scale already,
  and ``imagenet256_labels/N.npy``, (1,) integers.
- LightningDiT: ``latents_rankRR_shardSSS.safetensors`` with ``latents`` and ``latents_flip`` (n, C, H, W), as the VAE
  gives them, and ``labels`` (n,). Its ``latents_stats.pt`` is not read.

Both keep one posterior sample an image, and neither keeps the images' names.
"""

from __future__ import annotations

import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dit_core.errors import UserError

_FEATURES = re.compile(r"(imagenet\d+)_(features|labels)")
_SHARD = re.compile(r"latents_rank(\d+)_shard(\d+)\.safetensors")


@dataclass(frozen=True)
class FeatureFolder(ABC):
    """A folder of latents that another program has written.

    Attributes:
        folder: where it lies.
    """

    folder: Path
    program = ""
    """Who writes such folders."""
    scaled = False
    """Whether the latents are model inputs already."""
    flipped = False
    """Whether it holds the mirror images' latents, too."""

    @classmethod
    @abstractmethod
    def recognise(cls, folder: Path) -> FeatureFolder | None:
        """Returns a folder as one of this kind, None where it is none."""

    @abstractmethod
    def names(self) -> list[str]:
        """Returns one distinct name a latent, in the order of ``batches``.

        Raises:
            UserError: files are missing or unreadable, or there are none.
        """

    @abstractmethod
    def batches(self, size: int) -> Iterator[dict[str, Tensor]]:
        """Yields ``latents``, ``labels`` and, where ``flipped``, ``latents_flipped``, of at most ``size`` rows each.

        Raises:
            UserError: a file is not what the program writes, or does not fit the first one.
        """

    def sentence(self, field: str) -> str:
        """Says what the folder is, and how it becomes one that can be trained on."""
        source, out = shlex.quote(str(self.folder)), shlex.quote(f"{self.folder}-latents")
        return (
            f"{field}: {str(self.folder)!r} holds latents as {self.program}'s extract_features.py writes them; convert "
            f"them with dit-ablate cache-latents --from {source} {out}"
        )

    def _wrong(self, what: str) -> UserError:
        return UserError(f"--from: {what} (in {str(self.folder)!r})")

    def _check_latent(self, shape: tuple[int, ...], like: tuple[int, ...] | None, file: str) -> None:
        """Checks the shape of one latent against the first one."""
        if len(shape) != 3 or shape[1] != shape[2]:
            raise self._wrong(f"{file} holds latents of shape {shape}; wanted: channels and two equal sides")
        if like is not None and shape != like:
            raise self._wrong(f"{file} holds latents of shape {shape}, the files before it of {like}")

    def _check_labels(self, labels: Tensor, count: int, file: str) -> Tensor:
        if labels.shape != (count,) or labels.is_floating_point() or labels.is_complex():
            raise self._wrong(f"{file} holds labels of shape {tuple(labels.shape)} and type {labels.dtype}; wanted: "
                              f"{count} integers")  # fmt: skip
        if int(labels.min()) < 0:
            raise self._wrong(f"{file} holds the label {int(labels.min())}; labels begin at 0")
        return labels.long()


class FastDiT(FeatureFolder):
    """``imagenet256_features`` and ``imagenet256_labels``."""

    program = "fast-DiT"
    scaled = True

    @classmethod
    def recognise(cls, folder: Path) -> FastDiT | None:
        if _FEATURES.fullmatch(folder.name) and next(folder.glob("*.npy"), None):
            return cls(folder.parent)
        return cls(folder) if any(_FEATURES.fullmatch(path.name) for path in folder.iterdir()) else None

    def names(self) -> list[str]:
        stems = {}
        for what in ("features", "labels"):
            part = self._part(what)
            stems[what] = {path.stem for path in part.glob("*.npy")} if part.is_dir() else set()
            if not stems[what]:
                raise self._wrong(f"no .npy files in {part.name}")
        if odd := sorted(stems["features"] ^ stems["labels"]):
            has, lacks = ("a feature", "label") if odd[0] in stems["features"] else ("a label", "feature")
            raise self._wrong(
                f"{len(stems['features'])} features and {len(stems['labels'])} labels: {odd[0]}.npy is {has} without a "
                f"{lacks}"
            )
        return sorted(stems["features"], key=lambda stem: (len(stem), stem))

    def batches(self, size: int) -> Iterator[dict[str, Tensor]]:
        names, like = self.names(), None
        for start in range(0, len(names), size):
            latents, labels = [], []
            for name in names[start : start + size]:
                latent, shown = self._array("features", name)
                if len(latent.shape) != 4 or len(latent) != 1 or not latent.is_floating_point():
                    raise self._wrong(f"{shown} has shape {tuple(latent.shape)} and type {latent.dtype}; wanted: one "
                                      f"latent (1, channels, side, side) of floats")  # fmt: skip
                self._check_latent(tuple(latent.shape[1:]), like, shown)
                like = tuple(latent.shape[1:])
                latents.append(latent)
                labels.append(self._check_labels(*self._one(name)))
            yield {"latents": torch.cat(latents), "labels": torch.cat(labels)}

    @cached_property
    def _prefix(self) -> str:
        found = (_FEATURES.fullmatch(path.name) for path in sorted(self.folder.iterdir()))
        return next(match.group(1) for match in found if match)

    def _part(self, what: str) -> Path:
        return self.folder / f"{self._prefix}_{what}"

    def _one(self, name: str) -> tuple[Tensor, int, str]:
        label, shown = self._array("labels", name)
        return label, 1, shown

    def _array(self, what: str, name: str) -> tuple[Tensor, str]:
        path = self._part(what) / f"{name}.npy"
        shown = f"{path.parent.name}/{path.name}"
        try:
            return torch.from_numpy(np.load(path, allow_pickle=False)), shown
        except (OSError, ValueError, TypeError, EOFError) as error:
            raise self._wrong(f"{shown} cannot be read ({str(error).splitlines()[0]})") from None


class LightningDiT(FeatureFolder):
    """``latents_rankRR_shardSSS.safetensors``."""

    program = "LightningDiT"
    flipped = True
    _TENSORS = ("latents", "latents_flip", "labels")

    @classmethod
    def recognise(cls, folder: Path) -> LightningDiT | None:
        return cls(folder) if any(_SHARD.fullmatch(path.name) for path in folder.iterdir()) else None

    def names(self) -> list[str]:
        found: list[str] = []
        for path, shapes in self._shards():
            found += [f"{path.stem}/{row}" for row in range(shapes["labels"][0])]
        return found

    def batches(self, size: int) -> Iterator[dict[str, Tensor]]:
        for path, shapes in self._shards():
            file = self._open(path)
            labels = self._check_labels(file.get_tensor("labels"), shapes["labels"][0], path.name)
            for start in range(0, len(labels), size):
                rows = slice(start, start + size)
                latents, flips = (file.get_slice(name)[rows] for name in self._TENSORS[:2])
                if not (latents.is_floating_point() and flips.is_floating_point()):
                    raise self._wrong(f"{path.name} holds latents of type {latents.dtype}; wanted: floats")
                yield {"latents": latents, "latents_flipped": flips, "labels": labels[rows]}

    def _shards(self) -> list[tuple[Path, dict[str, tuple[int, ...]]]]:
        """Returns the files and the shapes of their tensors, after checking that these fit each other."""
        matches = [match for path in sorted(self.folder.iterdir()) if (match := _SHARD.fullmatch(path.name))]
        numbers: dict[str, list[int]] = {}
        for match in matches:
            numbers.setdefault(match.group(1), []).append(int(match.group(2)))
        for rank, shards in numbers.items():
            if missing := sorted(set(range(max(shards))) - set(shards)):
                raise self._wrong(f"shard {missing[0]} of rank {int(rank)} is missing")
        if missing := sorted(set(range(max(map(int, numbers)))) - set(map(int, numbers))):
            raise self._wrong(f"the shards of rank {missing[0]} are missing")
        found, like = [], None
        for match in matches:
            path = self.folder / match.group(0)
            file = self._open(path)
            if lacks := [name for name in self._TENSORS if name not in file.keys()]:  # noqa: SIM118 (no mapping)
                raise self._wrong(f"{path.name} has no tensor {', '.join(lacks)}")
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in self._TENSORS}
            self._check_latent(shapes["latents"][1:], like, path.name)
            like = shapes["latents"][1:]
            counts = {name: shape[0] for name, shape in shapes.items() if shape}
            if shapes["latents_flip"] != shapes["latents"] or len(shapes["labels"]) != 1 or len({*counts.values()}) > 1:
                said = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
                raise self._wrong(f"{path.name} holds {said}, which do not fit each other")
            if not counts["labels"]:
                raise self._wrong(f"{path.name} holds no latents")
            found.append((path, shapes))
        return found

    def _open(self, path: Path) -> Any:
        try:
            return safe_open(path, framework="pt")
        except (OSError, SafetensorError) as error:
            raise self._wrong(f"{path.name} cannot be read ({error})") from None


_KINDS: tuple[type[FeatureFolder], ...] = (FastDiT, LightningDiT)


def recognise(folder: Path) -> FeatureFolder | None:
    """Returns a folder that fast-DiT or LightningDiT has written; None for any other."""
    return next((found for kind in _KINDS if (found := kind.recognise(folder)) is not None), None)
