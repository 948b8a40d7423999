"""Samplers that learn nothing: uniformly at random, quasi-random, and every combination."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dit_core.errors import UserError
from search_spaces.domain import Domain
from search_spaces.search_space import SearchSpec
from service.search.history import Generation
from service.search.samplers.base import Sampler

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _generator(seed: int) -> np.random.Generator:
    import numpy as np  # here, where something is proposed: every command knows the samplers

    return np.random.default_rng(seed)


class _Plain(Sampler):
    def __init__(self, search: SearchSpec) -> None:
        super().__init__(search)
        for option in search.options:
            raise UserError(f"search.options.{option}: {search.algorithm} has no options")

    def _at(self, cube: NDArray[np.float64]) -> list[dict[str, Any]]:
        """Values at points of the unit cube, shape (points, axes)."""
        domains = self.search.values.items()
        return [{name: at(d, float(u)) for (name, d), u in zip(domains, point, strict=True)} for point in cube]


class RandomSampler(_Plain):
    """Independent draws (Bergstra & Bengio, JMLR 13, 2012)."""

    def propose(self, told: Sequence[Generation], count: int) -> list[dict[str, Any]]:
        """Returns the next draws."""
        before = sum(map(len, told))
        drawn = _generator(self.search.draw).random((before + count, len(self.search.values)))
        return self._at(drawn[before:])


class QuasiRandomSampler(_Plain):
    """A scrambled Sobol sequence: it leaves no gap where independent draws leave some (Owen 1998)."""

    def propose(self, told: Sequence[Generation], count: int) -> list[dict[str, Any]]:
        """Returns the next points of the sequence."""
        from scipy.stats.qmc import Sobol

        before = sum(map(len, told))
        sequence = Sobol(len(self.search.values), scramble=True, rng=self.search.draw)
        with warnings.catch_warnings():  # of numbers of points that are no power of two
            warnings.simplefilter("ignore", UserWarning)
            return self._at(sequence.random(before + count)[before:])


class GridSampler(_Plain):
    """Every combination, in an order that only ``draw`` decides, so that a part of it is spread over the whole."""

    def propose(self, told: Sequence[Generation], count: int) -> list[dict[str, Any]]:
        """Returns the next combinations; none once there are no more."""
        names = tuple(self.search.values)
        points = list(itertools.product(*(domain.finite or () for domain in self.search.values.values())))
        order = _generator(self.search.draw).permutation(len(points))
        before = sum(map(len, told))
        return [dict(zip(names, points[place], strict=True)) for place in order[before : before + count]]


def at(domain: Domain, share: float) -> Any:
    """Returns the value at a share of a domain, in 0..1."""
    if domain.finite is not None:
        return domain.finite[min(int(share * len(domain.finite)), len(domain.finite) - 1)]
    if domain.is_log:
        low, high = math.log(domain.low), math.log(domain.high)
        return domain.canonical(math.exp(low + share * (high - low)))
    return domain.canonical(domain.low + share * (domain.high - domain.low))
