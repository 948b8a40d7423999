"""Whether generated images are copies of training images: a test on the distances to their nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dit_core.metrics.copying_limit import SUSPICIOUS
from dit_core.metrics.neighbours import nearest


@dataclass(frozen=True)
class DataCopying:
    """The data-copying test of Meehan, Chaudhuri & Dasgupta, arXiv 2004.05675, over the whole space as one cell.

    It compares how far generated images lie from their nearest training image with how far held-out images do, by the
    Mann-Whitney U statistic. Copies lie nearer; a network that fits badly lies farther. It tells nothing of a copy of
    an image that was not among the training images that were compared.

    Attributes:
        statistic: C_T, U in standard deviations from its mean when both are alike; far below zero means copying.
        share: how often a generated image is nearer to the training images than a held-out one is, over all pairs; 0.5
            when both are alike, 1 for copies.
        training: training images compared.
    """

    statistic: float
    share: float
    training: int

    @property
    def suspicious(self) -> bool:
        """Whether the generated images are nearer to the training images than chance explains."""
        return self.statistic < SUSPICIOUS


def data_copying(generated: Tensor, training: Tensor, held_out: Tensor) -> DataCopying:
    """Tests feature vectors for copies, see ``DataCopying``.

    Args:
        generated: (N, D).
        training: (T, D), of images that the network was trained on.
        held_out: (M, D), of images of the same kind that it was not trained on.
    """
    near, far = nearest(generated, training), nearest(held_out, training)
    return from_distances(near, far, len(training))


def from_distances(generated: Tensor, held_out: Tensor, training: int) -> DataCopying:
    """Tests the distances (N,) and (M,) of generated and held-out images to the nearest of ``training`` images."""
    from scipy import stats

    near, far = (torch.as_tensor(distances).double().cpu().numpy() for distances in (generated, held_out))
    n, m = len(near), len(far)
    ranks = stats.rankdata(np.concatenate([near, far]))
    larger = float(ranks[:n].sum()) - n * (n + 1) / 2  # pairs in which the generated image is the farther one
    deviation = float(np.sqrt(stats.tiecorrect(ranks) * n * m * (n + m + 1) / 12))
    statistic = (larger - n * m / 2) / deviation if deviation > 0 else 0.0
    return DataCopying(statistic, 1 - larger / (n * m), training)
