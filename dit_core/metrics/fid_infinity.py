"""``fid_infinity``: FID extrapolated to infinitely many samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.metrics.compared import ComparedMetric, too_few
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.inception import DIMS, check_images, load_inception
from dit_core.metrics.frechet import Gaussian, RunningMoments, frechet_distance
from dit_core.metrics.reference.statistics import Statistics

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

PARTS = 10
"""Sizes that FID is computed at: one tenth of the samples, two tenths, ... all of them."""


class FIDInfinity(ComparedMetric[list[Gaussian]]):
    """Chong & Forsyth, arXiv 1911.07023: FID is biased by about a/N, so a straight line in 1/N ends at its limit.

    FID is computed at ten nested sizes, of which those with more samples than features count, and a line fitted to
    them by least squares. The paper draws random subsets of stored features; here the sizes are the first samples,
    which are just as random, so that moments suffice. It may come out below zero. There is no floor: real images are
    too few to extrapolate from.
    """

    name = "fid_infinity"
    feature = "pool"
    dim = DIMS["pool"]
    least = 2 * PARTS
    count: Tensor
    total: Tensor
    outer: Tensor

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device) -> None:
        super().__init__(config, dataset, device)
        empty = RunningMoments.empty(self.extractor.dims[self.feature], self.where)
        self.keep_sums(**{name: value.new_zeros(PARTS, *value.shape) for name, value in vars(empty).items()})

    def part(self, index: int) -> RunningMoments:
        """Moments of one tenth of the samples, within the states."""
        return RunningMoments(self.count[index], self.total[index], self.outer[index])

    @classmethod
    def load(cls, config: TrialConfig, device: torch.device) -> Extractor:
        return load_inception(config.evaluation.inception_weights, device, cls.name)

    @classmethod
    def check_images(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        check_images(cls.name, dataset)

    @classmethod
    def check_counts(cls, dim: int, samples: int, images: int | None, where: str) -> None:
        too_few(cls.name, samples, None, where, 2 * (dim + 1), f"compares {dim} features at several sizes")
        too_few(cls.name, samples, images, where, dim + 1, f"compares {dim} features")

    def add(self, images: Tensor, start: int) -> None:
        features = self.extractor(images)[self.feature]
        total = self.config.evaluation.num_samples
        part = (torch.arange(start, start + len(images)) * PARTS // total).clamp(max=PARTS - 1)
        for index in part.unique().tolist():
            self.part(index).update(features[(part == index).to(features.device)])

    def gather(self) -> tuple[list[Gaussian], int]:
        sizes, running = [], RunningMoments.empty(self.extractor.dims[self.feature], self.where)
        for index in range(PARTS):
            running = running.merge(self.part(index))
            if running.count > 1:
                sizes.append(running.gaussian())
        return sizes, int(running.count)

    def known(self, real: Statistics) -> list[Gaussian] | None:
        return None

    def score(self, generated: list[Gaussian], reference: Statistics) -> tuple[float, dict[str, Any]]:
        dim = self.extractor.dims[self.feature]
        enough = [size for size in generated if size.count is not None and size.count > dim]
        used = enough if len(enough) >= 2 else generated
        counts = [size.count for size in used if size.count is not None]
        if len(set(counts)) < 2:
            raise ValueError(f"{self.name}: {counts[-1]} of {self.config.evaluation.num_samples} images were scored")
        values = [frechet_distance(reference.gaussians[self.feature], size) for size in used]
        slope, limit = np.polyfit([1 / count for count in counts], values, 1)
        return float(limit), {
            "sizes": counts,
            "fid_at_sizes": values,
            "slope": float(slope),
            "few_samples": used is not enough,
        }
