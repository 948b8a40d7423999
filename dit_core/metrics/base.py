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
    """Scores generated images. A new metric is one file with a subclass and one line in ``dit_core.metrics.METRICS``.

    One object scores one evaluation: ``update`` with every generated image once, then ``compute``. With several
    workers every rank updates with its own images and ``compute``, which all ranks must call, merges them.

    A metric's name says what it measures: ``fid`` is only the Inception-v3 FID of the literature; any other Fréchet
    distance carries its features in its name. Distances state their floor, the distance between training and held-out
    images, below which a difference means nothing.

    Attributes:
        name: name in ``dit_core.metrics.METRICS``.
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

    @classmethod
    @abstractmethod
    def check(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        """Makes sure, before any training, that the metric will run: weights load, images and counts fit.

        Raises:
            UserError: naming the setting that is wrong or missing. Never passes silently.
        """

    @abstractmethod
    def update(self, images: Tensor) -> None:
        """Adds generated images, uint8 (N, C, H, W) as ``ImageDataset.to_images`` gives them; N may be 0."""

    @abstractmethod
    def compute(self) -> MetricResult:
        """Returns the result over all ranks' images, with the same value on every rank. Collective."""
