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

    Attributes:
        rows: the feature vectors, (K, D) float32; zero where no image came yet.
        filled: 1 where one came, and, last, how many images did, (K + 1,) float64. Ranks add up both.
    """

    def __init__(self, total: int, dim: int, keep: int = SUBSET_SIZE, device: torch.device | str = "cpu") -> None:
        order = generator(0, "feature-subset", total).permutation(total)[:keep]
        self._slot = np.full(total, -1, dtype=np.int64)
        self._slot[order] = np.arange(len(order))
        self.filled = torch.zeros(len(order) + 1, dtype=torch.float64, device=device)
        self.rows = torch.zeros(len(order), dim, dtype=torch.float32, device=device)

    def add(self, features: Tensor, start: int) -> None:
        """Adds the features (N, D) of images number ``start``, ``start + 1``, ...; most are usually not kept."""
        if start + len(features) > len(self._slot):
            raise ValueError(f"image {start + len(features)} given, but {len(self._slot)} were announced")
        slots = torch.from_numpy(self._slot[start : start + len(features)])
        chosen = (slots >= 0).nonzero().squeeze(1)
        slots = slots[chosen].to(self.rows.device)
        self.rows[slots] = features[chosen.to(features.device)].to(self.rows)
        self.filled[slots] = 1
        self.filled[-1] += len(features)

    def kept(self) -> tuple[Tensor, int]:
        """Returns the feature vectors kept, (K, D) float32, and the number of images they were chosen from."""
        return self.rows[self.filled[:-1] > 0], round(self.filled[-1].item())

    def all_reduce(self) -> None:
        """Merges what all ranks keep, on all of them; collective when a process group is up."""
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(self.rows)  # each row is filled on one rank and zero on the others: the sum is exact
            dist.all_reduce(self.filled)
