"""Means and spreads over seeds, as tables show them. What may be concluded from them is ``service.statistics``'s."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """A mean over seeds.

    Attributes:
        n: seeds.
        mean: their mean.
        sd: their sample standard deviation, None for one seed.
    """

    n: int
    mean: float
    sd: float | None


def spread(values: Sequence[float]) -> Spread | None:
    """Returns mean and standard deviation over seeds, or None for no values."""
    if not values:
        return None
    n, mean = len(values), math.fsum(values) / len(values)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else None
    return Spread(n, mean, sd)
