"""Looks at a folder of images, a data set of Hugging Face or a folder of latents, before a study of it is written."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from dit_core.data import DataConfig, load_dataset
from dit_core.data.base import ImageDataset
from dit_core.data.encoded import EncodedImages
from dit_core.data.image_folder import SPLIT_NAMES
from dit_core.data.latents_format import MANIFEST
from dit_core.errors import UserError, nearest
from dit_core.paths import expanded

LOOKED_AT = 2000
"""Images whose size and mode are looked at, evenly apart."""
_PROVISIONAL = 16
"""Side to load images with before it is known which side fits them."""
_TABLES = ("*.parquet", "*.arrow", "dataset_info.json", "dataset_dict.json")


@dataclass(frozen=True)
class Survey:
    """What a data set is.

    Attributes:
        data: how it is loaded; of images, with a provisional ``image_size``.
        count: images, held-out ones included.
        classes: number of classes, 0 for unlabelled images.
        per_class: images of the smallest and of the largest class; None without classes.
        sizes: (width, height) -> images, of those that were looked at; empty for latents.
        modes: ``RGB``, ``L``, ... -> images, likewise.
        notes: sentences that a person should read, e.g. which files cannot be read.
    """

    data: DataConfig
    count: int
    classes: int
    per_class: tuple[int, int] | None = None
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()

    @property
    def side(self) -> int:
        """The median of the images' shorter sides, in pixels; of latents, that of the decoded images."""
        sides = [min(size) for size in self.sizes.elements()]
        return int(median(sides)) if sides else self.data.image_size

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        return {
            "data": self.data.name,
            "path": self.data.path,
            "images": self.count,
            "classes": self.classes,
            "per_class": None if self.per_class is None else list(self.per_class),
            "sizes": {f"{width}x{height}": number for (width, height), number in self.sizes.most_common(20)},
            "modes": dict(self.modes),
            "notes": list(self.notes),
        }


def _near(given: str) -> str:
    """The folder here that is called nearly so, as a question; empty for none."""
    path = expanded(given, "init")
    folders = [item.name for item in path.parent.iterdir() if item.is_dir()] if path.parent.is_dir() else []
    guess = nearest(path.name, folders)
    return "" if guess is None else f"; did you mean {str(Path(given).parent / guess)!r}?"


def survey(given: str) -> Survey:
    """Looks at a data set.

    Every image is decoded once, which finds the bad ones; what was found sound is remembered on this machine. Where
    sub-folders are the splits of a data set, the training split is taken.

    Args:
        given: a folder of images (or of class folders), of latents, or of Parquet or Arrow files; or a hub name.

    Raises:
        UserError: there is no such data set, or none of its images can be read.
    """
    config, notes = _found(given)
    try:
        dataset = load_dataset(config)
    except UserError as error:
        if config.name == "huggingface" and not expanded(given, "init").exists():
            unknown = "no data set can be loaded" in str(error)
            why = "or the hub cannot be reached" if unknown else f"or it cannot be read ({error})"
            raise UserError(
                f"init: {given!r} is no folder here, and no data set of that name is on the hub, {why}{_near(given)}"
            ) from None
        raise
    bad = [note for note in dataset.notes if "cannot be read" in note]
    found = _counted(dataset, config.model_copy(update={"corrupt": "skip" if bad else "refuse"}))
    return replace(found, notes=(*notes, *dataset.notes))


def _found(given: str) -> tuple[DataConfig, tuple[str, ...]]:
    """Says what kind of data set it is and where it lies."""
    folder = expanded(given, "init")
    if given == "digits" and not folder.exists():
        raise UserError("init: digits come along with a study of their own: `dit-ablate plan dit-digits`")
    if not folder.exists():
        if given.startswith(("/", ".", "~")) or given.count("/") > 1:
            raise UserError(f"init: there is no folder {given!r}")
        return DataConfig(name="huggingface", path=given, image_size=_PROVISIONAL, corrupt="skip"), ()
    if not folder.is_dir():
        raise UserError(f"init: {given!r} is a file; give the folder of the images")
    folder = folder.resolve()
    if (folder / MANIFEST).is_file():
        return _latents(folder), ()
    below = [folder, *(path for path in sorted(folder.iterdir()) if path.is_dir())]
    if any(next(path.glob(pattern), None) for path in below for pattern in _TABLES):
        return DataConfig(name="huggingface", path=str(folder), image_size=_PROVISIONAL, corrupt="skip"), ()
    chosen, note = _split(folder)
    config = DataConfig(name="image-folder", path=str(chosen), image_size=_PROVISIONAL, corrupt="skip")
    return config, (note,) if note else ()


def _split(folder: Path) -> tuple[Path, str]:
    """Returns the folder of the training images, and a sentence where it is one split of several."""
    inside = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    splits = [name for name in inside if name.lower() in SPLIT_NAMES]
    training = next((name for name in splits if name.lower().startswith("train")), None)
    if training is None or len(splits) != len(inside):
        return folder, ""
    others = ", ".join(name for name in splits if name != training)
    left = f"; {others} is left out, since images are held out of it (data.held_out_fraction)" if others else ""
    return folder / training, f"The sub-folders are splits of a data set: {training} is taken{left}."


def _latents(folder: Path) -> DataConfig:
    from dit_core.data.latents_format import read_manifest

    manifest = read_manifest(folder / MANIFEST)
    if manifest.vae is None:
        raise UserError(f"init: the latents in {str(folder)!r} do not say which VAE made them; write the study by hand")
    size = manifest.source.image_size if manifest.source is not None else 8 * manifest.shape[1]
    return DataConfig(
        name="latents",
        path=str(folder),
        image_size=size,
        random_flip=manifest.flipped,
        vae=manifest.vae.name,
        vae_scale=manifest.scale,
    )


def _counted(dataset: ImageDataset, config: DataConfig) -> Survey:
    count = dataset.count("train") + dataset.count("held_out")
    if not isinstance(dataset, EncodedImages):
        return Survey(config, count, dataset.num_classes)
    sizes: Counter[tuple[int, int]] = Counter()
    modes: Counter[str] = Counter()
    for size, mode in _headers(dataset):
        sizes[size] += 1
        modes[mode] += 1
    per_class = None
    if dataset.num_classes:
        found = dataset.row_labels.bincount(minlength=dataset.num_classes).tolist()
        per_class = min(found), max(found)
    return Survey(config, count, dataset.num_classes, per_class, sizes, modes)


def _headers(dataset: EncodedImages) -> Iterator[tuple[tuple[int, int], str]]:
    from PIL import Image

    every = max(1, len(dataset.keys) // LOOKED_AT)
    for row in range(0, len(dataset.keys), every):
        with Image.open(io.BytesIO(dataset.encoded(row))) as image:
            yield image.size, image.mode
