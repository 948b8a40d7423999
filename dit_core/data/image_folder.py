"""A folder of images, one sub-folder per class, or none for unlabelled images."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

import torch

from dit_core.data.config import DataConfig
from dit_core.data.corrupt import settle
from dit_core.data.encoded import EncodedImages, sound
from dit_core.data.feature_folders import recognise
from dit_core.data.paths import data_folder, file_bytes, file_stamp, printable, walk
from dit_core.data.verification import reason, verify
from dit_core.errors import UserError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
SPLIT_NAMES = (
    "train",
    "training",
    "val",
    "valid",
    "validation",
    "dev",
    "test",
    "testing",
    "eval",
    "held_out",
    "holdout",
)
"""What the parts of a data set are called, and a class hardly ever."""


class ImageFolder(EncodedImages):
    """RGB images, centre-cropped to ``data.image_size`` as in the paper's recipe.

    Every image is decoded once, so that a corrupt one is found before training; what was found sound is remembered
    (see ``dit_core.data.verification``). Classes are the sub-folders in alphabetical order; images below a class
    folder belong to it at any depth. Without sub-folders the images are unlabelled. Hidden files are ignored, and so
    are links to what is listed anyway.
    """

    name = "image-folder"
    _folder: Path

    @classmethod
    def load(cls, config: DataConfig) -> Self:
        if config.vae is not None:
            raise UserError(f"data.vae: {config.vae!r} given, but only the data set 'latents' is decoded by a VAE")
        folder = data_folder(config)
        classes, listed, left_out = _list(folder)
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
        dataset.notes = (*notes, *left_out, *_layout_notes(folder, classes, [name for name, _, _ in files]))
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


def _list(folder: Path) -> tuple[list[str], list[tuple[str, int]], tuple[str, ...]]:
    """Returns the classes (none for unlabelled images), every image file with its label, and what was left out."""
    repeated: list[str] = []
    names = list(walk(folder, repeated))
    images = [name for name in names if name.lower().endswith(EXTENSIONS)]
    ignored = [name for name in names if not name.lower().endswith(EXTENSIONS)]
    notes = []
    if ignored:
        notes.append(f"{len(ignored)} files are no images and were ignored, such as {printable(ignored[0])}")
    if repeated:
        notes.append(
            f"{len(repeated)} links lead to what is listed already and were not followed, such as "
            f"{printable(repeated[0])}"
        )
    if not images:
        if (foreign := recognise(folder)) is not None:
            raise UserError(foreign.sentence("data.path"))
        raise UserError(f"data.path: no images in {str(folder)!r}; looked for {', '.join(EXTENSIONS)}")
    classes = sorted(
        p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".") and p.name not in repeated
    )
    if not classes:
        return [], [(name, 0) for name in images], tuple(notes)
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
    return classes, labelled, tuple(notes)


def _layout_notes(folder: Path, classes: list[str], names: list[str]) -> tuple[str, ...]:
    """What is said of sub-folders that were taken for classes and look like splits, or like a folder around classes."""
    splits = [name for name in classes if name.lower() in SPLIT_NAMES]
    chosen = next((name for name in splits if name.lower().startswith("train")), (splits or classes or [""])[0])
    below = sorted({name.split("/")[1] for name in names if name.startswith(f"{chosen}/") and name.count("/") > 1})
    if not splits and not (len(classes) == 1 and below):
        return ()
    looks = "look like splits of a data set" if splits else "lie around other folders"
    inside = f" on the classes {_few(below)}" if below else ""
    return (
        f"The classes are {_few(classes)}, the folders below data.path, which {looks}; to train{inside}, set "
        f"data.path={printable(str(folder / chosen))} (data.held_out_fraction holds images out)",
    )


def _few(names: list[str]) -> str:
    return printable(", ".join(names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
