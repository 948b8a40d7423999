"""Fréchet distances: mean and covariance of features, accumulated in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.metrics.compared import ComparedMetric, too_few
from dit_core.metrics.copying import data_copying
from dit_core.metrics.frechet import Gaussian, RunningMoments, frechet_distance
from dit_core.metrics.real_floor import Floor, floor_at
from dit_core.metrics.reference.references import reference_key, reference_name
from dit_core.metrics.reference.statistics import Statistics

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

_floors: WeakKeyDictionary[ImageDataset, dict[tuple[str, ...], Floor | None]] = WeakKeyDictionary()
"""Floors at a number of samples, per loaded data set and (metric, features, device, reference, samples)."""


class FrechetMetric(ComparedMetric[Gaussian]):
    """The Fréchet distance between generated and reference images in the features that a subclass names.

    A covariance of D features needs more than D images; fewer give a biased distance, so ``check`` refuses them unless
    ``evaluation.allow_few_samples`` is set, and then the details of the result say so.

    Where the extractor keeps feature vectors of real images (``Extractor.subset_of``), the details also hold the floor
    at the number of samples (``real_floor``) and, where the reference is the training images, a test for copies of them
    (``copying``). The value and its floor know nothing of either.
    """

    count: Tensor
    total: Tensor
    outer: Tensor

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device) -> None:
        super().__init__(config, dataset, device)
        self.keep_sums(**vars(RunningMoments.empty(self.extractor.dims[self.feature], self.where)))
        self._gathered: Tensor | None = None
        if self.extractor.subset_of == self.feature and reference_name(config) == "train":
            self.keep_rows()

    @property
    def moments(self) -> RunningMoments:
        """Count, sum and outer products of the features so far: the states."""
        return RunningMoments(self.count, self.total, self.outer)

    @classmethod
    def check_counts(cls, dim: int, samples: int, images: int | None, where: str) -> None:
        too_few(cls.name, samples, images, where, dim + 1, f"compares {dim} features")

    def add(self, images: Tensor, start: int) -> None:
        features = self.extractor(images)[self.feature]
        self.moments.update(features)
        if self.subset is not None and start + len(images) <= self.config.evaluation.num_samples:
            self.subset.add(features, start)

    def gather(self) -> tuple[Gaussian, int]:
        self._gathered = None if self.subset is None else self.subset.kept()[0]
        count = int(self.count)
        if count < 2:
            raise ValueError(f"{self.name}: {count} images were scored; at least 2 are needed")
        return self.moments.gaussian(), count

    def known(self, real: Statistics) -> Gaussian | None:
        return real.gaussians.get(self.feature)

    def score(self, generated: Gaussian, reference: Statistics) -> tuple[float, dict[str, Any]]:
        real, dim = reference.gaussians[self.feature], self.extractor.dims[self.feature]
        counts = [count for count in (generated.count, real.count) if count is not None]
        return frechet_distance(real, generated), {"few_samples": min(counts) <= dim}

    def about_real(self, count: int, reference: Statistics, held_out: Statistics) -> dict[str, Any]:
        few = held_out.count is not None and held_out.count <= self.extractor.dims[self.feature]
        about: dict[str, Any] = {"floor_few_images": few}
        if self.extractor.subset_of != self.feature or held_out.subset is None:
            return about
        floor = self._floor_at(count, reference, held_out)
        if floor is not None:
            about |= {"floor_at_samples": floor.value, "floor_extrapolated": floor.images > floor.held_out}
        if self._gathered is not None and len(self._gathered) and len(held_out.subset) and reference.subset is not None:
            where = self._gathered.device
            training, others = reference.subset.to(where), held_out.subset.to(where)
            copying = data_copying(self._gathered, training, others)
            about |= {
                "data_copying_statistic": copying.statistic,
                "data_copying_share": copying.share,
                "data_copying_training_images": copying.training,
            }
        return about

    def _floor_at(self, count: int, reference: Statistics, held_out: Statistics) -> Floor | None:
        floors = _floors.setdefault(self.dataset, {})
        where = str(self.extractor.device)
        key = (self.name, self.extractor.key, where, reference_key(self.config, self.dataset), str(count))
        if key not in floors:
            assert held_out.subset is not None  # asked for only where rows are kept
            rows = held_out.subset.to(self.where)
            floors[key] = floor_at(count, rows, reference.gaussians[self.feature])
        return floors[key]
