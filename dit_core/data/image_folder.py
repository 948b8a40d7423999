"""A folder of images, one sub-folder per class, or none for unlabelled images."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

import torch

from dit_core.data.config import DataConfig
from dit_core.data.corrupt import settle
from dit_core.data.encoded import EncodedImages, sound
from dit_core.data.paths import data_folder, file_bytes, file_stamp, printable, walk
from dit_core.data.verification import reason, verify
from dit_core.errors import UserError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class ImageFolder(EncodedImages):
    """RGB images, centre-cropped to ``data.image_size`` as in the paper's recipe.

    Every image is decoded once, so that a corrupt one is found before training; what was found sound is remembered
    (see ``dit_core.data.verification``). Classes are the sub-folders in alphabetical order; images below a class
    folder belong to it at any depth. Without sub-folders the images are unlabelled. Hidden files are ignored.
    """

    name = "image-folder"
    _folder: Path

    @classmethod
    def load(cls, config: DataConfig) -> Self:
        if config.vae is not None:
            raise UserError(f"data.vae: {config.vae!r} given, but only the data set 'latents' is decoded by a VAE")
        folder = data_folder(config)
        classes, listed, ignored = _list(folder)
        digests, bad = verify(
            f"image-folder {folder.resolve()}",
            [name for name, _ in listed],
            [file_stamp(folder / name) for name, _ in listed],
            sound(lambda index: (folder / listed[index][0]).read_bytes()),
        )
        notes = settle(bad, len(listed), "images", config.corrupt)
        files = [(name, label, digest) for (name, label), digest in zip(listed, digests, strict=True) if digest]
        empty = sorted(set(range(len(classes))) - {label for _, label, _ in files})
        if empty:
            raise UserError(f"data.path: no readable image in {', '.join(classes[label] for label in empty)}")
        dataset = cls(
            [name for name, _, _ in files],
            torch.tensor([label for _, label, _ in files], dtype=torch.int64),
            [digest for _, _, digest in files],
            len(classes),
            config,
        )
        dataset._folder = folder
        if ignored:
            notes += (f"{len(ignored)} files are no images and were ignored, such as {printable(ignored[0])}",)
        dataset.notes = notes
        return dataset

    @classmethod
    def stamp(cls, config: DataConfig) -> str:
        content = hashlib.sha256()
        folder = data_folder(config)
        for name in walk(folder):
            content.update(file_bytes(f"{name}\0{file_stamp(folder / name)}\n"))  # loading names a broken link
        return content.hexdigest()

    def encoded(self, row: int) -> bytes:
        try:
            return (self._folder / self.keys[row]).read_bytes()
        except OSError as error:
            raise UserError(f"data.path: {self.keys[row]} cannot be read any more ({reason(error)})") from None


def _list(folder: Path) -> tuple[list[str], list[tuple[str, int]], list[str]]:
    """Returns the classes (none for unlabelled images), every image file with its label, and other files."""
    names = list(walk(folder))
    images = [name for name in names if name.lower().endswith(EXTENSIONS)]
    ignored = [name for name in names if not name.lower().endswith(EXTENSIONS)]
    if not images:
        raise UserError(f"data.path: no images in {str(folder)!r}; looked for {', '.join(EXTENSIONS)}")
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        return [], [(name, 0) for name in images], ignored
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
