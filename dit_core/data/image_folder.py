"""A folder of images, one sub-folder per class (or none, for one class)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset, Split, flip_some, from_uint8
from dit_core.data.config import DataConfig
from dit_core.data.corrupt import settle
from dit_core.data.crop import decode
from dit_core.data.paths import data_folder, file_bytes, printable
from dit_core.data.split import split_indices
from dit_core.errors import UserError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
THREADS = 4
KEEP_BYTES = 2**30
"""Cropped images up to this total stay in memory; beyond it they are decoded when they are needed."""


@dataclass(frozen=True)
class ImageFile:
    """One verified image: its path relative to the data folder, its label, its content's SHA-256, maybe its pixels."""

    name: str
    label: int
    sha256: str
    pixels: Tensor | None


class ImageFolder(ImageDataset):
    """RGB images, centre-cropped to ``data.image_size`` as in the paper's recipe.

    Loading decodes every image once, so that a corrupt one is found before training. Classes are the sub-folders in
    alphabetical order; images below a class folder belong to it at any depth. Hidden files are ignored.
    """

    name = "image-folder"
    channels = 3

    def __init__(self, folder: Path, size: int, classes: int, files: dict[Split, list[ImageFile]]) -> None:
        self.size = size
        self.num_classes = classes
        self.image_shape = (3, size, size)
        self._folder = folder
        self._files = files
        self._labels = torch.tensor([file.label for file in files["train"]], dtype=torch.int64)
        self._pool = ThreadPoolExecutor(THREADS)
        content = hashlib.sha256()
        for file in files["train"]:
            content.update(file_bytes(f"{file.name}\0{file.label}\0{file.sha256}\n"))
        self.fingerprint = content.hexdigest()

    @classmethod
    def load(cls, config: DataConfig) -> Self:
        if config.vae is not None:
            raise UserError(f"data.vae: {config.vae!r} given, but only the data set 'latents' is decoded by a VAE")
        folder = data_folder(config)
        classes, listed, ignored = _list(folder)
        files, notes = _verify(folder, listed, config)
        empty = sorted(set(range(len(classes))) - {file.label for file in files})
        if empty:
            raise UserError(f"data.path: no readable image in {', '.join(classes[label] for label in empty)}")
        train, held_out = split_indices([f.name for f in files], config.held_out_fraction, config.split_seed)
        dataset = cls(
            folder,
            config.image_size,
            len(classes),
            {"train": [files[i] for i in train], "held_out": [files[i] for i in held_out]},
        )
        if ignored:
            notes += (f"{len(ignored)} files are no images and were ignored, such as {printable(ignored[0])}",)
        dataset.notes = notes
        return dataset

    @classmethod
    def stamp(cls, config: DataConfig) -> str:
        content = hashlib.sha256()
        folder = data_folder(config)
        for name in _walk(folder):
            try:
                status = (folder / name).stat()
                content.update(file_bytes(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n"))
            except OSError as error:  # a broken link; loading names it
                content.update(file_bytes(f"{name}\0{error.errno}\n"))
        return content.hexdigest()

    def count(self, split: Split) -> int:
        return len(self._files[split])

    def batch(self, indices: Tensor, flip: Tensor | None = None, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        pixels = self._read([self._files["train"][i] for i in indices.tolist()])
        return flip_some(from_uint8(pixels), flip), self._labels[indices]

    def reference(self, split: Split, batch_size: int = 256) -> Iterator[Tensor]:
        files = self._files[split]
        for start in range(0, len(files), batch_size):
            yield self._read(files[start : start + batch_size])

    def _read(self, files: Sequence[ImageFile]) -> Tensor:
        return torch.stack(list(self._pool.map(self._pixels, files)))

    def _pixels(self, file: ImageFile) -> Tensor:
        if file.pixels is not None:
            return file.pixels
        try:
            content = (self._folder / file.name).read_bytes()
        except OSError as error:
            raise UserError(f"data.path: {file.name} cannot be read any more ({error.strerror or error})") from None
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise UserError(f"data.path: {file.name} has changed since the data set was loaded")
        return decode(content, self.size)


def _walk(folder: Path) -> Iterator[str]:
    """Yields every file below ``folder`` that is not hidden, as a relative path with forward slashes, sorted."""

    def fail(error: OSError) -> None:
        raise UserError(f"data.path: {error.filename} cannot be read ({error.strerror})")

    names = []
    for root, folders, files in os.walk(folder, onerror=fail, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [(Path(root) / name).relative_to(folder).as_posix() for name in files if not name.startswith(".")]
    yield from sorted(names)


def _list(folder: Path) -> tuple[list[str], list[tuple[str, int]], list[str]]:
    """Returns the classes, every image file with its label, and the files that are no images."""
    names = list(_walk(folder))
    images = [name for name in names if name.lower().endswith(EXTENSIONS)]
    ignored = [name for name in names if not name.lower().endswith(EXTENSIONS)]
    if not images:
        raise UserError(f"data.path: no images in {str(folder)!r}; looked for {', '.join(EXTENSIONS)}")
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        return ["images"], [(name, 0) for name in images], ignored
    loose = [name for name in images if "/" not in name]
    if loose:
        raise UserError(
            f"data.path: {len(loose)} images such as {loose[0]} lie beside class folders such as {classes[0]}; "
            f"move them into a class folder"
        )
    labels = {name: label for label, name in enumerate(classes)}
    labelled = [(name, labels[name.split("/")[0]]) for name in images]
    empty = sorted(set(classes) - {name.split("/")[0] for name in images})
    if empty:
        raise UserError(f"data.path: no images in the class folders {', '.join(empty[:5])} ({len(empty)} empty)")
    return classes, labelled, ignored


def _verify(folder: Path, listed: list[tuple[str, int]], config: DataConfig) -> tuple[list[ImageFile], tuple[str, ...]]:
    """Decodes every image once; returns the readable ones and the note about the others."""
    keep = len(listed) * 3 * config.image_size**2 <= KEEP_BYTES

    def verify(item: tuple[str, int]) -> ImageFile | str:
        name, label = item
        try:
            content = (folder / name).read_bytes()
            pixels = decode(content, config.image_size)
        except Exception as error:  # Pillow's decoders raise nearly any type on corrupt bytes; all mean "corrupt"
            return f"{name} ({_reason(error)})"
        return ImageFile(name, label, hashlib.sha256(content).hexdigest(), pixels if keep else None)

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(verify, listed))
    files = [result for result in results if isinstance(result, ImageFile)]
    bad = [result for result in results if isinstance(result, str)]
    return files, settle(bad, len(listed), "images", config.corrupt)


def _reason(error: Exception) -> str:
    text = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
    return "not an image" if "cannot identify image file" in text else text
