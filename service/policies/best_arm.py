"""The probability that an arm ends as the best, from a forecast of where every arm ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.statistics.cells import Array

_NODES = 24


@dataclass(frozen=True)
class Forecast:
    """Where an arm is expected to end: a normal distribution.

    Attributes:
        mean: expected final value, lower is better.
        variance: its variance.
    """

    mean: float
    variance: float


def chance_ahead(one: Forecast, other: Forecast) -> float:
    """Returns the probability that ``one`` ends below ``other``; their errors are independent."""
    scale = math.sqrt(2 * max(one.variance + other.variance, 1e-18))
    return 0.5 * math.erfc((one.mean - other.mean) / scale)


def chances(forecasts: Mapping[str, Forecast]) -> dict[str, float]:
    """Returns arm -> the probability that it ends below all the others, which add up to 1.

    The arms' errors are independent. Integrated by Gauss-Hermite quadrature with ``_NODES`` nodes over each arm's own
    distribution, and scaled to a sum of 1.
    """
    nodes, weights = _quadrature()
    raw = {}
    for arm, own in forecasts.items():
        points = own.mean + math.sqrt(own.variance) * nodes
        product = weights.copy()
        for other, forecast in forecasts.items():
            if other != arm:
                scale = math.sqrt(2 * max(forecast.variance, 1e-18))
                product *= [0.5 * math.erfc((point - forecast.mean) / scale) for point in points]
        raw[arm] = float(product.sum())
    total = sum(raw.values())
    return {arm: chance / total for arm, chance in raw.items()}


@cache
def _quadrature() -> tuple[Array, Array]:
    """Nodes and weights of an expectation over the standard normal distribution."""
    import numpy as np  # here, where something is decided: every command reads a study's policy

    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / weights.sum()
