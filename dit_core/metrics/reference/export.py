"""Writes the reference statistics of a trial's data as a file for other tools and other machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dit_core.data import load_dataset
from dit_core.data.base import ImageDataset
from dit_core.errors import UserError
from dit_core.metrics.compared import ComparedMetric
from dit_core.metrics.features.subset import SUBSET_SIZE
from dit_core.metrics.reference.file import save_reference_file
from dit_core.metrics.reference.references import BATCH, of_dataset
from dit_core.parts import METRICS
from dit_core.runtime.randomness import generator

if TYPE_CHECKING:
    from dit_core.config import TrialConfig


def export_reference(
    config: TrialConfig,
    path: Path,
    *,
    metric: str = "fid",
    images: int = SUBSET_SIZE,
    device: torch.device | None = None,
) -> None:
    """Writes the statistics of a trial's training images, for ``evaluation.reference_statistics`` and other tools.

    Args:
        config: the trial: its data, and the weights of the network.
        path: the ``.npz`` file.
        metric: a metric whose network's features are wanted; ``fid`` stands for all that use Inception-v3.
        images: how many randomly chosen training images to store beside them, held in memory meanwhile; precision,
            recall and KID can be computed from the file only when it has some. ADM's evaluator reads these alone.
        device: where features are computed; None is the CPU.

    Raises:
        UserError: when the metric has no such statistics, or its weights cannot be loaded.
    """
    kind = METRICS.get(metric, "metric")
    device = device or torch.device("cpu")
    extractor = kind.load(config, device) if issubclass(kind, ComparedMetric) else None
    if extractor is None or not extractor.file_keys:
        raise UserError(f"metric: {metric} given, but it has no reference statistics in the .npz format")
    dataset = load_dataset(config.data)
    statistics = of_dataset(dataset, config.data, extractor, ("train",))
    save_reference_file(path, statistics, extractor, _some(dataset, images) if images else None)


def _some(dataset: ImageDataset, count: int) -> Tensor:
    """Returns a fixed random choice of training images, uint8 (n, C, H, W) with n <= count, in the data set's order."""
    chosen = np.sort(generator(0, "exported-images", len(dataset)).permutation(len(dataset))[:count])
    parts, start = [], 0
    for batch in dataset.reference("train", BATCH):
        own = chosen[(chosen >= start) & (chosen < start + len(batch))] - start
        parts.append(batch[torch.from_numpy(own)])
        start += len(batch)
    return torch.cat(parts)
