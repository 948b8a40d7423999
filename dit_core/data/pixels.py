"""What data sets of pixels have in common: one list of images, of which a split is a selection."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dit_core.data.base import ImageDataset, Inputs, Split, flip_some, from_uint8
from dit_core.data.config import DataConfig
from dit_core.data.split import split_indices

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Labels = Tensor | np.ndarray[Any, Any]


class PixelDataset(ImageDataset):
    """Images that are read by their row in the list of all images, training and held-out ones alike.

    Args:
        keys: one distinct name per image, which decides its split.
        labels: (n,) int64, a tensor or an array; all zero when ``num_classes`` is 0.
        num_classes: number of classes, 0 for unlabelled images.
        config: the data set's settings.

    Attributes:
        keys: the names.
        content: SHA-256 of all images, their names and labels, however they are split.
    """

    content: str

    def __init__(self, keys: Sequence[str], labels: Labels, num_classes: int, config: DataConfig) -> None:
        self.size = config.image_size
        self.num_classes = num_classes
        self.image_shape = (self.channels, self.size, self.size)
        self.keys = tuple(keys)
        self._labels = labels
        train, held_out = split_indices(keys, config.held_out_fraction, config.split_seed)
        self._rows: dict[Split, list[int]] = {"train": train, "held_out": held_out}

    @cached_property
    def row_labels(self) -> Tensor:
        """The labels of all images, (n,) int64."""
        import torch

        return torch.as_tensor(self._labels)

    @cached_property
    def _row_tensors(self) -> dict[Split, Tensor]:
        """The rows of each split's images."""
        import torch

        return {split: torch.tensor(rows) for split, rows in self._rows.items()}

    @abstractmethod
    def pixels(self, rows: Sequence[int]) -> Tensor:
        """Returns images by their rows in the list of all images, uint8 (len(rows), C, H, W)."""

    def rows(self, split: Split) -> list[int]:
        """Returns the rows of a split's images, ascending."""
        return list(self._rows[split])

    def labels(self, split: Split) -> Tensor:
        """Returns a split's labels (n,), int64, in the order of ``reference``."""
        return self.row_labels[self._row_tensors[split]]

    def count(self, split: Split) -> int:
        return len(self._rows[split])

    def names(self) -> list[str]:
        return [self.keys[row] for row in self._rows["train"]]

    def batch(self, indices: Tensor, flip: Tensor | None = None) -> Inputs:
        rows = self._row_tensors["train"][indices]
        return Inputs(flip_some(from_uint8(self.pixels(rows.tolist())), flip), self.row_labels[rows])

    def reference(self, split: Split, batch_size: int = 256) -> Iterator[Tensor]:
        rows = self.rows(split)
        for start in range(0, len(rows), batch_size):
            yield self.pixels(rows[start : start + batch_size])
