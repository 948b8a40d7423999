"""scikit-learn's handwritten digits: 1797 real grey images of 8x8 pixels, embedded in the library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset, Split, flip_some, from_uint8
from dit_core.data.config import DataConfig
from dit_core.data.split import split_indices
from dit_core.errors import UserError

SIZE = 8


class Digits(ImageDataset):
    """The test part of the UCI "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak, 1998).

    Pixels are 0 .. 16 in the source and 0 .. 255 here (rounded); 10 classes; light strokes on dark ground.
    """

    name = "digits"
    num_classes = 10
    channels = 1
    size = SIZE
    image_shape = (1, SIZE, SIZE)

    def __init__(self, images: dict[Split, Tensor], labels: dict[Split, Tensor]) -> None:
        self._images = images
        self._labels = labels
        self.fingerprint = _fingerprint(images["train"], labels["train"])

    @classmethod
    def load(cls, config: DataConfig) -> Self:
        """Loads the digits; ``path`` and ``vae`` have no meaning here and ``image_size`` must be 8."""
        for field in ("path", "vae"):
            value = getattr(config, field)
            if value is not None:
                raise UserError(f"data.{field}: {value!r} given, but the data set 'digits' is embedded and has none")
        if config.image_size != SIZE:
            raise UserError(
                f"data.image_size: {config.image_size} given, but digits are {SIZE}x{SIZE}; allowed: {SIZE}"
            )
        images, labels = _read()
        train, held_out = split_indices(
            [str(i) for i in range(len(labels))], config.held_out_fraction, config.split_seed
        )
        return cls(
            {"train": images[train], "held_out": images[held_out]},
            {"train": labels[train], "held_out": labels[held_out]},
        )

    def count(self, split: Split) -> int:
        return len(self._labels[split])

    def batch(self, indices: Tensor, flip: Tensor | None = None, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return flip_some(from_uint8(self._images["train"][indices]), flip), self._labels["train"][indices]

    def reference(self, split: Split, batch_size: int = 256) -> Iterator[Tensor]:
        images = self._images[split]
        for start in range(0, len(images), batch_size):
            yield images[start : start + batch_size]

    def labels(self, split: Split) -> Tensor:
        """Returns a split's labels (n,), int64, in the order of ``reference``."""
        return self._labels[split]


def _read() -> tuple[Tensor, Tensor]:
    """Returns all images, uint8 (1797, 1, 8, 8), and labels, int64 (1797,)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    sixteenths = torch.from_numpy(bunch.images).float()
    images = (sixteenths * (255 / 16)).round().to(torch.uint8)[:, None].contiguous()
    return images, torch.from_numpy(bunch.target).long()


def _fingerprint(images: Tensor, labels: Tensor) -> str:
    """SHA-256 of the training pixels and labels in their order; another split has other training pixels."""
    content = hashlib.sha256(b"digits-8x8-uint8")
    content.update(images.numpy().tobytes())
    content.update(labels.to(torch.uint8).numpy().tobytes())
    return content.hexdigest()
