"""What as many real images as there are samples would score: the floor of a Fréchet distance at equal numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dit_core.metrics.frechet import Gaussian, RunningMoments, frechet_distance
from dit_core.runtime.randomness import generator

SIZES = 5
"""Numbers of held-out images that the distance is computed at."""
SMALLEST = 1 / 3
"""The smallest of them, as a share of the held-out images."""
_MANY_FEATURES = 256


@dataclass(frozen=True)
class Floor:
    """The Fréchet distance of real images to the reference, at a number of images.

    Attributes:
        value: the distance.
        images: at how many images.
        held_out: held-out images that it was computed from; fewer than ``images`` means that it is extrapolated.
    """

    value: float
    images: int
    held_out: int


def floor_at(images: int, held_out: Tensor, reference: Gaussian) -> Floor | None:
    """Returns what ``images`` held-out images score against the reference.

    The distance of N images is too large by about a / N (Chong & Forsyth, arXiv 1911.07023), so a floor from fewer
    held-out images than there are samples is too high, and one from more is too low. Where there are as many, random
    subsets of that size are scored; where there are not, subsets of several sizes are, and a straight line in 1 / N
    through them is followed to ``images``.

    Args:
        images: how many samples are scored.
        held_out: feature vectors of held-out images, (N, D).
        reference: the reference's Gaussian, as the samples are compared with.

    Returns:
        The floor, or None where there are too few held-out images to say: two images or more per feature are needed.
    """
    count, dim = held_out.shape
    repeats = 16 if dim <= _MANY_FEATURES else 2

    def score(size: int) -> float:
        return float(np.mean([_distance(held_out, size, part, reference) for part in range(repeats)]))

    if images <= count:
        return Floor(score(images), images, count) if images > dim else None
    smallest = max(round(SMALLEST * count), 2 * dim)
    if smallest >= count * (1 - 1 / SIZES):
        return None
    sizes = np.linspace(smallest, count, SIZES).round().astype(int).tolist()
    slope, limit = np.polyfit([1 / size for size in sizes], [score(size) for size in sizes], 1)
    return Floor(max(0.0, float(limit + slope / images)), images, count)


def _distance(held_out: Tensor, size: int, part: int, reference: Gaussian) -> float:
    order = torch.from_numpy(generator(0, "floor", size, part).permutation(len(held_out))[:size])
    moments = RunningMoments.empty(held_out.shape[1], held_out.device)
    moments.update(held_out[order.to(held_out.device)])
    return frechet_distance(reference, moments.gaussian())
