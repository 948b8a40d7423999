"""Metrics that compare feature vectors one by one: a bounded number of each set is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.metrics.compared import ComparedMetric
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.inception import DIMS, check_images, load_inception
from dit_core.metrics.features.subset import FeatureSubset
from dit_core.metrics.reference.statistics import Statistics, moments_device

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
        dim = self.extractor.dims[self.feature]
        self._subset = FeatureSubset(config.evaluation.num_samples, dim, device=moments_device(device))

    @classmethod
    def load(cls, config: TrialConfig, device: torch.device) -> Extractor:
        return load_inception(config.evaluation.inception_weights, device, cls.name)

    @classmethod
    def check_images(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        check_images(cls.name, dataset)

    def add(self, images: Tensor, start: int) -> None:
        self._subset.add(self.extractor(images)[self.feature], start)

    def gather(self) -> tuple[Tensor, int]:
        return self._subset.gather()

    def score(self, generated: Tensor, reference: Statistics) -> tuple[float, dict[str, Any]]:
        assert reference.subset is not None  # an extractor with a feature called ``subset_of`` keeps one
        value, about = self.compare(generated, reference.subset.to(generated.device))
        return value, {"compared_samples": len(generated), "compared_reference": len(reference.subset), **about}

    def compare(self, generated: Tensor, real: Tensor) -> tuple[float, dict[str, Any]]:
        """Returns the value, and what a reader must know, of feature vectors (N, D) and (M, D) in random order."""
        raise NotImplementedError
