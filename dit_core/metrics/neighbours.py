"""Distances between feature vectors: to the nearest neighbours, and what lies inside balls that reach to them."""

from __future__ import annotations

import torch
from torch import Tensor

_ROWS = 1024
"""Feature vectors whose distances to all others are held at once."""


def radii(centres: Tensor, k: int) -> Tensor:
    """Returns the distance of every feature vector to its ``k``-th nearest neighbour, itself not counted.

    Args:
        centres: (N, D) with N > k.
        k: which neighbour.

    Returns:
        (N,) float64.
    """
    centres = centres.double()
    return torch.cat([_distances(part, centres).kthvalue(k + 1).values for part in centres.split(_ROWS)])


def share_inside(points: Tensor, centres: Tensor, radius: Tensor) -> float:
    """Returns the share of ``points`` (N, D) that lie in or on a ball around one of ``centres`` (M, D).

    Args:
        points: feature vectors.
        centres: centres of the balls.
        radius: (M,) their radii.
    """
    points, centres = points.double(), centres.double()
    inside = [(_distances(part, centres) <= radius).any(1) for part in points.split(_ROWS)]
    return float(torch.cat(inside).double().mean())


def nearest(points: Tensor, others: Tensor) -> Tensor:
    """Returns the distance of every one of ``points`` (N, D) to the nearest of ``others`` (M, D), (N,) float64."""
    points, others = points.double(), others.double()
    return torch.cat([_distances(part, others).min(1).values for part in points.split(_ROWS)])


def _distances(a: Tensor, b: Tensor) -> Tensor:
    return torch.cdist(a, b, compute_mode="use_mm_for_euclid_dist")  # one way for any number of rows
