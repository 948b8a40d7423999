"""scikit-learn's handwritten digits: 1797 real grey images of 8x8 pixels, embedded in the library."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from dit_core.data.config import DataConfig
from dit_core.data.pixels import PixelDataset
from dit_core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]

SIZE = 8


class Digits(PixelDataset):
    """The test part of the UCI "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak, 1998).

    Pixels are 0 .. 16 in the source and 0 .. 255 here (rounded); 10 classes; light strokes on dark ground.
    """

    name = "digits"
    channels = 1

    def __init__(self, images: Array, labels: Array, config: DataConfig) -> None:
        super().__init__([str(row) for row in range(len(labels))], labels, 10, config)
        self._images = images
        train = self.rows("train")
        self.fingerprint = _fingerprint(images[train], labels[train])
        self.content = _fingerprint(images, labels)

    @classmethod
    def load(cls, config: DataConfig) -> Self:
        """Loads the digits; ``path`` and ``vae`` have no meaning here and ``image_size`` must be 8."""
        if config.path is not None:
            raise UserError(
                f"data.path: {config.path!r} given, but the data set 'digits' is embedded and has none; for a study of "
                f"your own images: `dit-ablate init {shlex.quote(config.path)}`"
            )
        if config.vae is not None:
            raise UserError(f"data.vae: {config.vae!r} given, but the data set 'digits' is embedded and has none")
        if config.image_size != SIZE:
            raise UserError(
                f"data.image_size: {config.image_size} given, but digits are {SIZE}x{SIZE}; allowed: {SIZE}"
            )
        return cls(*_read(), config)

    def pixels(self, rows: Sequence[int]) -> Tensor:
        import torch  # see dit_core.data.base

        return torch.from_numpy(self._images[np.asarray(rows, dtype=np.int64)])


def _read() -> tuple[Array, Array]:
    """Returns all images, uint8 (1797, 1, 8, 8), and labels, int64 (1797,)."""
    table = _table()
    sixteenths = table[:, :-1].reshape(-1, 1, SIZE, SIZE)
    return np.round(sixteenths * (255 / 16)).astype(np.uint8), table[:, -1].astype(np.int64)


def _table() -> Array:
    """Returns pixels and label of every digit, float64 (1797, 65).

    They are read from scikit-learn's file: importing the library with SciPy takes longer than all else that is done
    with them. Where its folders are laid out otherwise, it is asked.
    """
    package = find_spec("sklearn")
    for folder in package.submodule_search_locations or () if package is not None else ():
        path = Path(folder, "datasets", "data", "digits.csv.gz")
        if path.is_file():
            return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target])


def _fingerprint(images: Array, labels: Array) -> str:
    """SHA-256 of pixels and labels in their order; another split has other training pixels."""
    content = hashlib.sha256(b"digits-8x8-uint8")
    content.update(images.tobytes())
    content.update(labels.astype(np.uint8).tobytes())
    return content.hexdigest()
