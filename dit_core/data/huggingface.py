"""Images that the ``datasets`` library reads: local Parquet, Arrow or image files, a saved data set, or the hub.

Only formats that hold data are read: no loading script and no pickle is ever run, wherever the data comes from.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from dit_core.data.config import DataConfig
from dit_core.data.corrupt import settle
from dit_core.data.crop import open_rgb
from dit_core.data.encoded import EncodedImages, sound
from dit_core.data.paths import data_folder, file_bytes, file_stamp, walk
from dit_core.data.vae import quiet_hub, root_cause
from dit_core.data.verification import reason, verify
from dit_core.errors import UserError, unknown
from dit_core.extras import require
from dit_core.paths import expanded

FORMATS = ("parquet", "arrow", "imagefolder", "webdataset")
"""Builders of ``datasets`` that are allowed."""
LABEL_NAMES = ("label", "labels", "cls", "class")
"""Columns that are taken for labels unasked; ``cls`` is what WebDataset calls them."""
UNLABELLED = "none"
LOOKED_AT = 5
"""Rows of a column of bytes that are tried, to find out whether they are images."""


class HuggingFace(EncodedImages):
    """RGB images of one split of a data set, centre-cropped to ``data.image_size`` as in the paper's recipe.

    Every image is decoded once, so that a corrupt one is found before training; what was found sound is remembered
    (see ``dit_core.data.verification``). An image is called by its row number. Classes are those of a class-label
    column, the distinct texts of a column in alphabetical order, or whole numbers 0, 1, 2, ... (or 1, 2, 3, ...)
    """

    name = "huggingface"
    _table: Any
    _column: str

    @classmethod
    def load(cls, config: DataConfig) -> Self:
        if config.vae is not None:
            raise UserError(f"data.vae: {config.vae!r} given, but only the data set 'latents' is decoded by a VAE")
        splits = _open(config)
        chosen, table = _split(splits, config)
        column, label_column = _image_column(table, config), _label_column(table, config)
        labels, classes, first = _labels(table, label_column)
        left = [name for name in table.column_names if name != column and not name.startswith("__")]
        identity = f"huggingface {table._fingerprint} {column}"
        table = _undecoded(table, column)
        rows = [str(row) for row in range(len(table))]
        digests, bad = verify(
            identity,
            rows,
            ["unchanging"] * len(rows),
            sound(lambda row: _content(table, column, row)),
        )
        notes = settle([f"row {complaint}" for complaint in bad], len(rows), "images", config.corrupt)
        kept = [row for row, digest in enumerate(digests) if digest is not None]
        labels = labels[kept]
        empty = sorted(set(range(len(classes))) - set(labels.tolist()))
        if empty:
            listed = ", ".join(classes[label] for label in empty[:5])
            raise UserError(f"data.label_column: {len(empty)} classes of {label_column!r} have no image: {listed}")
        dataset = cls([rows[row] for row in kept], labels, [str(digests[row]) for row in kept], len(classes), config)
        dataset._table, dataset._column = table, column
        if first:
            notes += (
                f"The labels {first} to {first + len(classes) - 1} in {label_column!r} are taken as 0 to "
                f"{len(classes) - 1}",
            )
        if config.source_split is None and len(splits) > 1:
            others = ", ".join(name for name in splits if name != chosen)
            notes += (f"Images are taken from the split {chosen!r} alone; there are also {others}",)
        if label_column is None and config.label_column is None and left:
            notes += (f"The images are taken as unlabelled; data.label_column can name one of {', '.join(left)}",)
        dataset.notes = notes
        return dataset

    @classmethod
    def stamp(cls, config: DataConfig) -> str:
        if config.path is None or not expanded(config.path, "data.path").is_dir():
            return ""
        folder = data_folder(config)
        content = hashlib.sha256()
        for name in walk(folder):
            content.update(file_bytes(f"{name}\0{file_stamp(folder / name)}\n"))
        return content.hexdigest()

    def encoded(self, row: int) -> bytes:
        try:
            return _content(self._table, self._column, int(self.keys[row]))
        except (OSError, ValueError) as error:
            raise UserError(f"data.path: row {self.keys[row]} cannot be read any more ({reason(error)})") from None


def _open(config: DataConfig) -> dict[str, Any]:
    """Returns every split of the data set by name."""
    datasets = require("datasets", "data.name: huggingface")

    if config.path is None:
        raise UserError("data.path: required for the data set 'huggingface' and missing")
    folder = expanded(config.path, "data.path")
    local = config.path.startswith((".", "/", "~")) or folder.exists()
    if local:
        folder = data_folder(config)
    with _quiet():
        try:
            if (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file():
                found = datasets.load_from_disk(str(folder))
                return dict(found) if isinstance(found, datasets.DatasetDict) else {str(found.split or "all"): found}
            builder = datasets.load_dataset_builder(str(folder.resolve()) if local else config.path)
            if builder.name in FORMATS:
                builder.download_and_prepare()
                return dict(builder.as_dataset())
        except Exception as error:  # datasets, the hub client and pyarrow raise many types
            raise UserError(
                f"data.path: no data set can be loaded from {config.path!r} ({root_cause(error)}); give a folder of "
                f"Parquet, Arrow or image files, a data set saved to disk, or a hub name that this machine can reach "
                f"or has cached"
            ) from None
    raise UserError(
        f"data.path: {config.path!r} holds {builder.name} data; allowed: {', '.join(FORMATS)}, or a data set that was "
        f"saved to disk"
    )


def _split(splits: dict[str, Any], config: DataConfig) -> tuple[str, Any]:
    """Returns the split that images are taken from, and its name."""
    chosen = config.source_split
    if chosen is None:
        chosen = next(iter(splits)) if len(splits) == 1 else "train"
        if chosen not in splits:
            raise UserError(f"data.source_split: required, since there are several: {', '.join(splits)}")
    if chosen not in splits:
        raise unknown("data.source_split", chosen, splits)
    if len(splits[chosen]) == 0:
        raise UserError(f"data.source_split: {chosen!r} holds no images")
    return chosen, splits[chosen]


def _image_column(table: Any, config: DataConfig) -> str:
    import datasets

    features = table.features
    images = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
    images = images or [name for name in features if _holds_files(table, name)]
    chosen = config.image_column
    if chosen is None:
        if len(images) != 1:
            found = f"{len(images)} columns hold images" + (f" ({', '.join(images)})" if images else "")
            raise UserError(f"data.image_column: required, since {found}; columns: {', '.join(features)}")
        return str(images[0])
    if chosen not in features:
        raise unknown("data.image_column", chosen, features)
    if chosen not in images and not _may_hold_files(features[chosen]):
        listed = ", ".join(images) or "none"
        raise UserError(f"data.image_column: {chosen!r} holds no images; columns with images: {listed}")
    return chosen


def _may_hold_files(feature: Any) -> bool:
    """Whether a column is of bytes, or of bytes and paths as the library keeps images, without saying so."""
    import datasets

    if isinstance(feature, datasets.Image):
        return True
    if isinstance(feature, dict):
        return bool(feature) and set(feature) <= {"bytes", "path"}
    return str(getattr(feature, "dtype", "")) in ("binary", "large_binary")


def _holds_files(table: Any, column: str) -> bool:
    """Whether the first value of a column can be read as an image."""
    if not _may_hold_files(table.features[column]):
        return False
    for row in range(min(len(table), LOOKED_AT)):
        try:
            open_rgb(_content(table, column, row))
        except Exception:  # decoders raise nearly any type; another row may be sound
            continue
        return True
    return False


def _label_column(table: Any, config: DataConfig) -> str | None:
    import datasets

    features = table.features
    chosen = config.label_column
    if chosen is not None and chosen in features:
        return chosen
    if chosen == UNLABELLED:
        return None
    if chosen is not None:
        raise unknown("data.label_column", chosen, [*features, UNLABELLED])
    labels = [name for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    labels = labels or [name for name in features if name in LABEL_NAMES]
    if len(labels) > 1:
        raise UserError(
            f"data.label_column: required, since several columns hold labels: {', '.join(labels)} (or {UNLABELLED})"
        )
    return labels[0] if labels else None


def _labels(table: Any, column: str | None) -> tuple[Tensor, list[str], int]:
    """Returns the label of every row, the names of the classes, and what the first class is called in the column.

    Unlabelled images get zeros and no class.
    """
    import datasets

    if column is None:
        return torch.zeros(len(table), dtype=torch.int64), [], 0
    values = _as_text(list(table[column][:]))
    feature = table.features[column]
    if all(isinstance(value, str) for value in values):
        classes = sorted(set(values))
        numbers = {name: number for number, name in enumerate(classes)}
        return torch.tensor([numbers[value] for value in values]), classes, 0
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        raise UserError(f"data.label_column: {column!r} holds neither whole numbers nor texts only, or lacks values")
    if min(values) < 0:
        raise UserError(f"data.label_column: {column!r} holds negative labels, as splits without labels do")
    if isinstance(feature, datasets.ClassLabel):
        classes = [str(name) for name in feature.names]
    elif min(values) == 1 and len(set(values)) == max(values):  # counted from 1, as people do
        return torch.tensor(values, dtype=torch.int64) - 1, [str(number) for number in sorted(set(values))], 1
    else:
        classes = [str(number) for number in range(min(max(values) + 1, len(values) + 1))]
    if max(values) >= len(classes):
        raise UserError(
            f"data.label_column: {column!r} holds the label {max(values)}; labels must be 0, 1, 2, ... without gaps"
        )
    return torch.tensor(values, dtype=torch.int64), classes, 0


def _as_text(values: list[Any]) -> list[Any]:
    """Labels that are files of a WebDataset, such as ``0001.class``, as whole numbers or texts; others as they are."""
    if not all(isinstance(value, bytes) for value in values):
        return values
    try:
        texts = [value.decode().strip() for value in values]
    except UnicodeDecodeError:
        return values
    return [int(text) for text in texts] if all(text.isdecimal() for text in texts) else texts


def _undecoded(table: Any, column: str) -> Any:
    """Returns the table with the image files' bytes, which are decoded as in every other data set."""
    import datasets

    images = table.select_columns([column])
    if isinstance(table.features[column], datasets.Image):
        images = images.cast_column(column, datasets.Image(decode=False))
    return images


def _content(table: Any, column: str, row: int) -> bytes:
    value = table[row][column]
    if isinstance(value, bytes):
        return value
    content, path = (value or {}).get("bytes"), (value or {}).get("path")
    if content is not None:
        return bytes(content)
    if path is None:
        raise ValueError("no image")
    return Path(path).read_bytes()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the library's own progress bars off the terminal."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        with quiet_hub():
            yield
    finally:
        if not before:
            enable_progress_bars()
