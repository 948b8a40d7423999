"""What a data set promises the training loop and the metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import torch
from torch import Tensor

from dit_core.errors import UserError

if TYPE_CHECKING:
    from dit_core.data.config import DataConfig
    from dit_core.model.config import ModelConfig

Split = Literal["train", "held_out"]


class Inputs(NamedTuple):
    """Training images as model inputs, before anything is drawn at random.

    Attributes:
        x: (N, channels, size, size) float32: pixels in [-1, 1], scaled latents, or the means of scaled latents.
        y: (N,) int64 labels.
        std: (N, channels, size, size) float32, the standard deviations around the means (a VAE's posterior, of which
            every use draws another sample); None where ``x`` are the inputs themselves.
    """

    x: Tensor
    y: Tensor
    std: Tensor | None = None


class ImageDataset(ABC):
    """Labelled images (or latents of images) with a fixed split into training and held-out images.

    Loading verifies everything that can be verified, so that no later call fails for a reason the user could have
    been told before training. A subclass is built by ``load(config)``; a new data set is one file with a subclass and
    one line in ``dit_core.parts.DATASETS``.

    Attributes:
        name: name in ``dit_core.parts.DATASETS``.
        num_classes: classes; labels are 0 .. num_classes - 1.
        channels: channels of a model input.
        size: height and width of a model input, in pixels or latent cells.
        image_shape: (channels, height, width) of the images that ``to_images`` and ``reference`` return.
        fingerprint: SHA-256 of what the training images are; the same images and split give the same one anywhere.
        notes: sentences a person should read, such as the corrupt images that were skipped.
    """

    name: str
    num_classes: int
    channels: int
    size: int
    image_shape: tuple[int, int, int]
    fingerprint: str
    notes: tuple[str, ...] = ()

    @classmethod
    @abstractmethod
    def load(cls, config: DataConfig) -> Self:
        """Loads and verifies the data set.

        Raises:
            UserError: when the data is missing, unreadable, empty, corrupt or does not fit ``config``.
        """

    @classmethod
    def stamp(cls, config: DataConfig) -> str:
        """Returns a cheap token that changes when the files behind ``config`` change; "" for embedded data."""
        return ""

    def __len__(self) -> int:
        """Returns the number of training images."""
        return self.count("train")

    @abstractmethod
    def count(self, split: Split) -> int:
        """Returns the number of images in a split."""

    @abstractmethod
    def batch(self, indices: Tensor, flip: Tensor | None = None) -> Inputs:
        """Returns training images as model inputs, on the CPU. Deterministic.

        Args:
            indices: (N,) int64 in [0, len(self)).
            flip: (N,) bool, which images to flip horizontally; None flips none.
        """

    @abstractmethod
    def reference(self, split: Split, batch_size: int = 256) -> Iterator[Tensor]:
        """Yields a split's images once, in a fixed order, unflipped, as uint8 (n, C, H, W) with n <= batch_size."""

    def to_images(self, x: Tensor) -> Tensor:
        """Turns model outputs into images.

        Args:
            x: (N, channels, size, size) float; pixels in [-1, 1] (values outside are clipped) or scaled latents.

        Returns:
            uint8 (N, C, H, W) with (C, H, W) = ``image_shape``, on the device of ``x``.
        """
        return to_uint8(x)

    def check(self, model: ModelConfig) -> None:
        """Checks that a model fits the data.

        Raises:
            UserError: naming the first field of ``model`` that does not.
        """
        for field, given, has in (
            ("input_size", model.input_size, self.size),
            ("in_channels", model.in_channels, self.channels),
            ("num_classes", model.num_classes, self.num_classes),
        ):
            if given != has:
                raise UserError(f"model.{field}: {given} does not fit the data set {self.name!r}, which has {has}")


def to_uint8(x: Tensor) -> Tensor:
    """Maps floats in [-1, 1] to 0 .. 255, rounding and clipping; not-a-number becomes 0."""
    return ((torch.nan_to_num(x.float(), nan=-1.0) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def from_uint8(images: Tensor) -> Tensor:
    """Maps 0 .. 255 to float32 in [-1, 1]; ``to_uint8`` inverts it exactly."""
    return images.float() / 127.5 - 1


def flip_some(x: Tensor, flip: Tensor | None) -> Tensor:
    """Flips the images of ``x`` (N, C, H, W) horizontally where ``flip`` (N,) is true."""
    if flip is None:
        return x
    return torch.where(flip.to(x.device, torch.bool)[:, None, None, None], x.flip(-1), x)
