"""Means and spreads over seeds, as tables show them. What may be concluded from them is ``service.statistics``'s."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from service.statistics.measurements import Scale


@dataclass(frozen=True)
class Spread:
    """A mean over seeds.

    Attributes:
        n: seeds.
        mean: their mean, of the kind that ``mean`` says.
        sd: their sample standard deviation, None for one seed.
    """

    n: int
    mean: float
    sd: float | None


def mean(values: Sequence[float], scale: Scale) -> float:
    """Returns the mean that the model of arms and seeds takes: geometric on the scale ``log``.

    So whatever a report shows of one metric is of one kind. Values that have no logarithm have their plain mean.
    """
    if scale == "log" and all(value > 0 for value in values):
        return math.exp(math.fsum(map(math.log, values)) / len(values))
    return math.fsum(values) / len(values)


def spread(values: Sequence[float], scale: Scale) -> Spread | None:
    """Returns mean and standard deviation over seeds, or None for no values."""
    if not values:
        return None
    n, plain = len(values), math.fsum(values) / len(values)
    sd = math.sqrt(math.fsum((value - plain) ** 2 for value in values) / (n - 1)) if n > 1 else None
    return Spread(n, mean(values, scale), sd)
