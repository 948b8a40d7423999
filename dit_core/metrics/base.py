"""What a metric promises the evaluation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.events import MetricResult

if TYPE_CHECKING:
    from dit_core.config import TrialConfig


class Metric(ABC):
    """Scores generated images. A new metric is one file with a subclass and one line in ``dit_core.parts.METRICS``.

    One object scores one evaluation: ``update`` with every generated image once, then ``compute``. With several
    workers every rank updates with its own images and ``compute``, which all ranks must call, merges them.

    A metric's name says what it measures: ``fid`` is only the Inception-v3 FID of the literature; any other Fréchet
    distance carries its features in its name. Where a metric compares with real images it states its floor, the value
    that held-out images get, below which (above which, where more is better) a difference means nothing.

    Images are compared as a reader would see them: 8 bits per channel. Memory does not grow with their number.

    Attributes:
        name: name in ``dit_core.parts.METRICS``.
    """

    name: ClassVar[str]

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device) -> None:
        """Prepares an empty score; ``check`` has passed.

        Args:
            config: the trial.
            dataset: the data set that the trial trains on.
            device: where features are computed.
        """
        self.config = config
        self.dataset = dataset
        self.device = device
        self._next = 0

    @classmethod
    @abstractmethod
    def check(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        """Makes sure, before any training, that the metric will run: weights load, images and counts fit.

        Raises:
            UserError: naming the setting that is wrong or missing. Never passes silently.
        """

    def update(self, images: Tensor, start: int | None = None) -> None:
        """Adds generated images.

        Args:
            images: uint8 (N, C, H, W) as ``ImageDataset.to_images`` gives them; N may be 0.
            start: position of the first of them among the images of all ranks; None when they follow the ones given
                before.
        """
        if images.dtype != torch.uint8:
            raise ValueError(f"{self.name}: images are scored as uint8, got {images.dtype}")
        position = self._next if start is None else start
        self._next = position + len(images)
        if len(images):
            self.add(images, position)

    @abstractmethod
    def add(self, images: Tensor, start: int) -> None:
        """Adds one or more images, uint8 (N, C, H, W), that are number ``start``, ``start + 1``, ... of all ranks'."""

    @abstractmethod
    def compute(self) -> MetricResult:
        """Returns the result over all ranks' images, with the same value on every rank. Collective."""
