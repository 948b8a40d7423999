"""What is known of a set of real images in an extractor's features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.subset import FeatureSubset
from dit_core.metrics.frechet import Gaussian, RunningMoments


@dataclass(frozen=True, eq=False)
class Statistics:
    """Mean and covariance of features, and some feature vectors themselves.

    Attributes:
        gaussians: feature -> mean and covariance.
        subset: feature vectors of a bounded random choice of the images, (K, D) float32; None where none are kept.
        count: images; None where nobody says.
    """

    gaussians: dict[str, Gaussian]
    subset: Tensor | None
    count: int | None


def collect(extractor: Extractor, batches: Iterable[Tensor], total: int) -> Statistics:
    """Looks at every image once and shares the work among the ranks. Collective.

    Args:
        extractor: the network.
        batches: uint8 (n, C, H, W), the same on every rank.
        total: images in all batches.
    """
    parallel = dist.is_available() and dist.is_initialized()
    rank, world = (dist.get_rank(), dist.get_world_size()) if parallel else (0, 1)
    where = moments_device(extractor.device)
    moments = {name: RunningMoments.empty(extractor.dims[name], where) for name in extractor.moments}
    subset = None
    if extractor.subset_of is not None:
        subset = FeatureSubset(total, extractor.dims[extractor.subset_of], device=where)
    start = 0
    for index, images in enumerate(batches):
        if index % world == rank:
            features = extractor(images)
            for name, running in moments.items():
                running.update(features[name])
            if subset is not None and extractor.subset_of is not None:
                subset.add(features[extractor.subset_of], start)
        start += len(images)
    merged = {name: running.all_reduce() for name, running in moments.items()}
    if subset is not None:
        subset.all_reduce()
    rows = None if subset is None else subset.kept()[0]
    return Statistics({name: m.gaussian() for name, m in merged.items() if m.count > 1}, rows, total)


def moments_device(device: torch.device) -> torch.device:
    """Returns where statistics of features computed on ``device`` are kept: a GPU, or the CPU for any other device."""
    return device if device.type == "cuda" else torch.device("cpu")
