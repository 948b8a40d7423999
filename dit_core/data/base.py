"""What a data set promises the training loop and the metrics.

PyTorch is imported where tensors are made: a plan asks a data set for its size and fingerprint only, and PyTorch takes
longer to import than all else that a plan does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from dit_core.data import feature_stamp
from dit_core.data.misfit import Misfit
from dit_core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from dit_core.data.config import DataConfig
    from dit_core.data.features import Features
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
        features: of the training images, where ``data.features`` names some; part of ``fingerprint``.
    """

    name: str
    num_classes: int
    channels: int
    size: int
    image_shape: tuple[int, int, int]
    fingerprint: str
    notes: tuple[str, ...] = ()
    features: Features | None = None

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

    @staticmethod
    def stamp_of_features(config: DataConfig) -> str:
        """Returns a cheap token that changes when the file of features does; "" for none."""
        return feature_stamp.stamp(config.features)

    def take_features(self, config: DataConfig) -> None:
        """Opens the features that ``config`` names, if any; from then on they are part of the fingerprint.

        Raises:
            UserError: they are missing, unreadable or of other images.
        """
        if config.features is not None:
            from dit_core.data.features import Features  # PyTorch: see the top of this file

            self.features = Features(config.features, self.names(), mirrored=config.random_flip)
            self.fingerprint = feature_stamp.joined(self.fingerprint, self.features.digest)

    def __len__(self) -> int:
        """Returns the number of training images."""
        return self.count("train")

    @abstractmethod
    def count(self, split: Split) -> int:
        """Returns the number of images in a split."""

    def names(self) -> list[str]:
        """Returns one distinct name per training image, in the order of their indices.

        Raises:
            UserError: the data set has no names.
        """
        raise UserError(f"data.features: the data set {self.name!r} does not name its images; leave it out")

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
            Misfit: naming every field of ``model`` that does not.
        """
        wrong = [
            (field, given, has)
            for field, given, has in (
                ("input_size", model.input_size, self.size),
                ("in_channels", model.in_channels, self.channels),
                ("num_classes", model.num_classes, self.num_classes),
            )
            if given != has
        ]
        if wrong:
            said = [f"model.{field}: {given} does not fit the data set {self.name!r}, which has {has}"
                    for field, given, has in wrong]  # fmt: skip
            raise Misfit("; ".join(said), {f"model.{field}": has for field, _, has in wrong})
        if model.alignment_layer and self.features is not None:
            for field, given, has in (
                ("patch_size", model.num_tokens, self.features.tokens),
                ("alignment_width", model.alignment_width, self.features.width),
            ):
                if given != has:
                    what = f"makes {given} tokens" if field == "patch_size" else f"{given} given"
                    unit = "tokens" if field == "patch_size" else "values of a token"
                    raise UserError(f"model.{field}: {what}, but data.features has features of {has} {unit}")


def to_uint8(x: Tensor) -> Tensor:
    """Maps floats in [-1, 1] to 0 .. 255, rounding and clipping; not-a-number becomes 0."""
    import torch

    return ((torch.nan_to_num(x.float(), nan=-1.0) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def from_uint8(images: Tensor) -> Tensor:
    """Maps 0 .. 255 to float32 in [-1, 1]; ``to_uint8`` inverts it exactly."""
    return images.float() / 127.5 - 1


def flip_some(x: Tensor, flip: Tensor | None) -> Tensor:
    """Flips the images of ``x`` (N, C, H, W) horizontally where ``flip`` (N,) is true."""
    if flip is None:
        return x
    import torch

    return torch.where(flip.to(x.device, torch.bool)[:, None, None, None], x.flip(-1), x)
