"""Images that lie somewhere as encoded files (PNG, JPEG, ...): verified when loaded, decoded when needed."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from dit_core.data.config import DataConfig
from dit_core.data.crop import crop, open_rgb
from dit_core.data.paths import file_bytes
from dit_core.data.pixels import PixelDataset
from dit_core.data.verification import THREADS
from dit_core.errors import UserError

KEEP_BYTES = 2**30
"""Cropped images up to this total stay in memory once decoded; beyond it they are decoded whenever they are needed."""


class EncodedImages(PixelDataset):
    """RGB images, centre-cropped to ``data.image_size`` as in the paper's recipe.

    Args:
        keys: names of the images.
        labels: (n,) int64.
        digests: SHA-256 of every encoded image; an image that has changed since is refused when it is read.
        num_classes: number of classes, 0 for unlabelled images.
        config: the data set's settings.
    """

    channels = 3

    def __init__(
        self, keys: Sequence[str], labels: Tensor, digests: Sequence[str], num_classes: int, config: DataConfig
    ) -> None:
        super().__init__(keys, labels, num_classes, config)
        self._digests = digests
        kept = len(keys) * 3 * self.size**2 <= KEEP_BYTES
        self._kept: dict[int, Tensor] | None = {} if kept else None
        self._pool = ThreadPoolExecutor(THREADS)
        self.fingerprint = self._summary(self.rows("train"))
        self.content = self._summary(range(len(keys)))

    @abstractmethod
    def encoded(self, row: int) -> bytes:
        """Returns the encoded image of a row.

        Raises:
            UserError: when it cannot be read any more.
        """

    def pixels(self, rows: Sequence[int]) -> Tensor:
        return torch.stack(list(self._pool.map(self._decoded, rows)))

    def _decoded(self, row: int) -> Tensor:
        if self._kept is not None and row in self._kept:
            return self._kept[row]
        content = self.encoded(row)
        if hashlib.sha256(content).hexdigest() != self._digests[row]:
            raise UserError(f"data.path: {self.keys[row]} has changed since the data set was loaded")
        pixels = crop(open_rgb(content), self.size)
        if self._kept is not None:
            self._kept[row] = pixels
        return pixels

    def _summary(self, rows: Sequence[int]) -> str:
        content = hashlib.sha256()
        labels = self.row_labels.tolist()
        for row in rows:
            content.update(file_bytes(f"{self.keys[row]}\0{labels[row]}\0{self._digests[row]}\n"))
        return content.hexdigest()


def sound(read: Callable[[int], bytes]) -> Callable[[int], str]:
    """Makes a check for ``dit_core.data.verification.verify``: an image is sound when it can be decoded completely."""

    def check(index: int) -> str:
        content = read(index)
        open_rgb(content)
        return hashlib.sha256(content).hexdigest()

    return check
