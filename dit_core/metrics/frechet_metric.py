"""Fréchet distances: mean and covariance of features, accumulated in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.metrics.compared import ComparedMetric, too_few
from dit_core.metrics.frechet import Gaussian, RunningMoments, frechet_distance
from dit_core.metrics.reference.statistics import Statistics, moments_device

if TYPE_CHECKING:
    from dit_core.config import TrialConfig


class FrechetMetric(ComparedMetric[Gaussian]):
    """The Fréchet distance between generated and reference images in the features that a subclass names.

    A covariance of D features needs more than D images; fewer give a biased distance, so ``check`` refuses them unless
    ``evaluation.allow_few_samples`` is set, and then the details of the result say so.
    """

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device) -> None:
        super().__init__(config, dataset, device)
        self._generated = RunningMoments.empty(self.extractor.dims[self.feature], moments_device(device))

    @classmethod
    def check_counts(cls, dim: int, samples: int, images: int | None, where: str) -> None:
        too_few(cls.name, samples, images, where, dim + 1, f"compares {dim} features")

    def add(self, images: Tensor, start: int) -> None:
        self._generated.update(self.extractor(images)[self.feature])

    def gather(self) -> tuple[Gaussian, int]:
        merged = self._generated.all_reduce()
        if merged.count < 2:
            raise ValueError(f"{self.name}: {merged.count} images were scored; at least 2 are needed")
        return merged.gaussian(), merged.count

    def known(self, real: Statistics) -> Gaussian | None:
        return real.gaussians.get(self.feature)

    def score(self, generated: Gaussian, reference: Statistics) -> tuple[float, dict[str, Any]]:
        real, dim = reference.gaussians[self.feature], self.extractor.dims[self.feature]
        counts = [count for count in (generated.count, real.count) if count is not None]
        return frechet_distance(real, generated), {"few_samples": min(counts) <= dim}

    def about_floor(self, held_out: Statistics) -> dict[str, Any]:
        return {"floor_few_images": held_out.count is not None and held_out.count <= self.extractor.dims[self.feature]}
