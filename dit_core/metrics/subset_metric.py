"""Metrics that compare feature vectors one by one: a bounded number of each set is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.metrics.compared import ComparedMetric
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.inception import DIMS, check_images, load_inception
from dit_core.metrics.reference.statistics import Statistics

if TYPE_CHECKING:
    from dit_core.config import TrialConfig


class SubsetMetric(ComparedMetric[Tensor]):
    """Compares up to ``features.subset.SUBSET_SIZE`` pooled Inception-v3 features of either set, chosen at random.

    The choice depends on the number of images alone; the details of the result say how many were compared.
    """

    feature = "pool"
    dim = DIMS["pool"]
    one_by_one = True

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device) -> None:
        super().__init__(config, dataset, device)
        self.keep_rows()
        self.shared = f"feature vectors {self.feature} of {self.extractor.key}"

    @classmethod
    def load(cls, config: TrialConfig, device: torch.device) -> Extractor:
        return load_inception(config.evaluation.inception_weights, device, cls.name)

    @classmethod
    def check_images(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        check_images(cls.name, dataset)

    def add(self, images: Tensor, start: int) -> None:
        assert self.subset is not None
        self.subset.add(self.extractor(images)[self.feature], start)

    def gather(self) -> tuple[Tensor, int]:
        assert self.subset is not None
        return self.subset.kept()

    def score(self, generated: Tensor, reference: Statistics) -> tuple[float, dict[str, Any]]:
        assert reference.subset is not None  # an extractor with a feature called ``subset_of`` keeps one
        value, about = self.compare(generated, reference.subset.to(generated.device))
        return value, {"compared_samples": len(generated), "compared_reference": len(reference.subset), **about}

    def compare(self, generated: Tensor, real: Tensor) -> tuple[float, dict[str, Any]]:
        """Returns the value, and what a reader must know, of feature vectors (N, D) and (M, D) in random order."""
        raise NotImplementedError
