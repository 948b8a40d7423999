"""What a metric promises the evaluation."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.events import MetricResult
from dit_core.metrics import torchmetrics_base

if TYPE_CHECKING:
    from dit_core.config import TrialConfig


class Metric(torchmetrics_base.Metric):
    """Scores generated images. A new metric is one file with a subclass and one line in ``dit_core.parts.METRICS``.

    It is a ``torchmetrics.Metric``: whatever it keeps of the images is a state (``add_state``), which torchmetrics
    merges over the workers before ``compute``. One object scores one evaluation: every rank calls ``update`` with its
    own images, once each, and all ranks call ``result``.

    A metric's name says what it measures: ``fid`` is only the Inception-v3 FID of the literature; any other Fréchet
    distance carries its features in its name. Where a metric compares with real images it states its floor, the value
    that held-out images get, below which (above which, where more is better) a difference means nothing.

    Images are compared as a reader would see them: 8 bits per channel. Memory does not grow with their number.

    Attributes:
        name: name in ``dit_core.parts.METRICS``.
        shared: metrics of one evaluation that say the same here have the same states, which are then kept once.
        floor: what real images score, or None; set by ``compute``.
        details: what a reader must know about the value, as plain JSON values; set by ``compute``.
    """

    name: ClassVar[str]
    full_state_update = False

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device, **options: Any) -> None:
        """Prepares an empty score; ``check`` has passed.

        Args:
            config: the trial.
            dataset: the data set that the trial trains on.
            device: where features are computed. States may be made anywhere: the evaluation moves them.
            **options: of ``torchmetrics.Metric``.
        """
        super().__init__(**options)
        self.config = config
        self.dataset = dataset
        self.shared: str | None = None
        self.floor: float | None = None
        self.details: dict[str, Any] = {}
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
    def compute(self) -> Tensor:
        """Returns the value, a scalar, of the states of all ranks; sets ``floor`` and ``details``. Collective."""

    def result(self) -> MetricResult:
        """Returns what ``compute`` comes to, the same on every rank. Collective."""
        value = float(self.compute())
        return MetricResult(self.name, value, self.floor, self.details)

    def reset(self) -> None:
        """Forgets all images."""
        super().reset()
        self._next, self.floor, self.details = 0, None, {}


def summed(state: Tensor, group: Any = None) -> list[Tensor]:
    """Merges a state that is a sum: the ``dist_sync_fn`` of metrics whose large states are sums and nothing else.

    torchmetrics' own collects the states of all ranks on every rank before it adds them up, which takes as many times
    their memory as there are ranks.
    """
    total = state.clone()
    dist.all_reduce(total, group=group)
    return [total]
