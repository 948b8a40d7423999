"""Networks of another width and depth at a cost that is known: how parameters and Gflops follow from the shape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.gflops import Cost, count
from dit_core.model.config import ModelConfig
from search_spaces.fields import with_fields

SHAPE_FIELDS = frozenset({"model.hidden_size", "model.depth", "model.num_heads"})


@dataclass(frozen=True)
class Shape:
    """Width, depth and heads of a network.

    Attributes:
        hidden_size: token width D.
        depth: transformer blocks.
        num_heads: attention heads.
    """

    hidden_size: int
    depth: int
    num_heads: int

    @classmethod
    def of(cls, model: ModelConfig) -> Shape:
        """Returns a network's own shape."""
        return cls(model.hidden_size, model.depth, model.num_heads)

    @property
    def aspect(self) -> float:
        """Width over depth."""
        return self.hidden_size / self.depth

    @property
    def settings(self) -> dict[str, int]:
        """Dotted config field -> value."""
        return {
            "model.hidden_size": self.hidden_size,
            "model.depth": self.depth,
            "model.num_heads": self.num_heads,
        }


def possible(config: TrialConfig, shapes: Iterable[Shape]) -> list[Shape]:
    """Returns the shapes that make a valid configuration."""
    found = []
    for shape in shapes:
        try:
            with_fields(config, shape.settings)
        except UserError:
            continue
        found.append(shape)
    return found


def exact(config: TrialConfig, shape: Shape) -> Cost:
    """Counts the cost of ``config`` in another shape."""
    return count(with_fields(config, shape.settings).model)


@dataclass(frozen=True)
class Estimate:
    """What a shape costs, without building it: exact but for roundings, since every layer of a block costs a
    polynomial of degree two in the width, and every block the same.

    Attributes:
        gmacs: coefficients: at depth 0, then per block; each constant, linear, quadratic in the width.
        params: the same for parameters.
    """

    gmacs: tuple[tuple[float, float, float], tuple[float, float, float]]
    params: tuple[tuple[float, float, float], tuple[float, float, float]]

    def of(self, shape: Shape) -> tuple[float, float]:
        """Returns (billions of multiply-adds, parameters)."""
        return _at(self.gmacs, shape), _at(self.params, shape)


def estimate(config: TrialConfig, widths: Iterable[int]) -> Estimate:
    """Fits the cost of ``config``'s network to six small ones, of two depths and three widths.

    Args:
        config: the configuration whose shape will be varied.
        widths: three widths that its heads divide.
    """
    return _estimate(config.model, tuple(widths))


@lru_cache(maxsize=32)
def _estimate(model: ModelConfig, widths: tuple[int, ...]) -> Estimate:
    import numpy as np

    def costs(depth: int) -> list[Cost]:
        return [count(model.model_copy(update={"hidden_size": width, "depth": depth})) for width in widths]

    two, four = costs(2), costs(4)  # even, so that blocks which are connected in pairs are there
    powers = np.vander(np.array(widths, dtype=float), 3, increasing=True)

    def fit(low: list[float], high: list[float]) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        block = (np.array(high) - np.array(low)) / 2
        solved = [np.linalg.solve(powers, part) for part in (np.array(low) - 2 * block, block)]
        first, second = (tuple(float(value) for value in part) for part in solved)
        return (first[0], first[1], first[2]), (second[0], second[1], second[2])

    return Estimate(
        gmacs=fit([cost.gmacs for cost in two], [cost.gmacs for cost in four]),
        params=fit([float(cost.params) for cost in two], [float(cost.params) for cost in four]),
    )


def _at(parts: tuple[tuple[float, float, float], tuple[float, float, float]], shape: Shape) -> float:
    fixed, block = (a + b * shape.hidden_size + c * shape.hidden_size**2 for a, b, c in parts)
    return fixed + block * shape.depth
