"""A bounded random choice of feature vectors, the same for any number of workers and any batches."""

from __future__ import annotations

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from dit_core.runtime.randomness import generator

SUBSET_SIZE = 10_000
"""Feature vectors kept of each set: as many as the ADM evaluator's reference files hold images."""


class FeatureSubset:
    """Keeps the features of a fixed random choice of ``keep`` of ``total`` images, in a fixed random order.

    Args:
        total: images there will be, over all ranks.
        dim: numbers per feature vector.
        keep: feature vectors to keep at most.
        device: where they are kept.
    """

    def __init__(self, total: int, dim: int, keep: int = SUBSET_SIZE, device: torch.device | str = "cpu") -> None:
        order = generator(0, "feature-subset", total).permutation(total)[:keep]
        self._slot = np.full(total, -1, dtype=np.int64)
        self._slot[order] = np.arange(len(order))
        self._filled = torch.zeros(len(order) + 1, dtype=torch.float64, device=device)  # and, last, images seen
        self._rows = torch.zeros(len(order), dim, dtype=torch.float32, device=device)

    def add(self, features: Tensor, start: int) -> None:
        """Adds the features (N, D) of images number ``start``, ``start + 1``, ...; most are usually not kept."""
        if start + len(features) > len(self._slot):
            raise ValueError(f"image {start + len(features)} given, but {len(self._slot)} were announced")
        slots = torch.from_numpy(self._slot[start : start + len(features)])
        chosen = (slots >= 0).nonzero().squeeze(1)
        slots = slots[chosen].to(self._rows.device)
        self._rows[slots] = features[chosen.to(features.device)].to(self._rows)
        self._filled[slots] = 1
        self._filled[-1] += len(features)

    def gather(self) -> tuple[Tensor, int]:
        """Returns what all ranks kept, the same on every rank. Collective.

        Returns:
            Feature vectors, (K, D) float32, and the number of images they were chosen from.
        """
        rows, filled = self._rows, self._filled
        if dist.is_available() and dist.is_initialized():
            rows, filled = rows.clone(), filled.clone()
            dist.all_reduce(rows)  # each row is filled on one rank and zero on the others: the sum is exact
            dist.all_reduce(filled)
        return rows[filled[:-1] > 0], round(filled[-1].item())
