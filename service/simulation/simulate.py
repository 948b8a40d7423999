"""Many studies, replayed under several policies on the same curves."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_spaces.types import Expansion
from service.policies import Policy
from service.simulation.curves import Curves
from service.simulation.judge import Judgement, judge, oracle
from service.simulation.replay import replay
from service.simulation.tally import Tally, tally

Draw = Callable[[np.random.Generator, int], tuple[Expansion, Curves]]
"""Draws a study, given its number, and its curves."""


@dataclass(frozen=True)
class Simulated:
    """What came of the policies.

    Attributes:
        curves: where the curves came from, for people.
        lanes: how many segments ran side by side.
        seed: which studies were drawn.
        oracle: compute of who knows the truth: the baseline and each ablation's best to the end, the rest to the first
            rung.
        policies: one tally for each policy, in the order in which they were asked for.
    """

    curves: str
    lanes: int
    seed: int
    oracle: float
    policies: tuple[Tally, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns plain JSON data."""
        return {
            "curves": self.curves,
            "lanes": self.lanes,
            "seed": self.seed,
            "oracle_compute": self.oracle,
            "policies": [item.to_json() for item in self.policies],
        }


def simulate(
    draw: Draw,
    policies: Mapping[str, Policy],
    *,
    curves: str,
    studies: int,
    lanes: int = 1,
    seed: int = 0,
    orders: bool = True,
) -> Simulated:
    """Replays studies under every policy, each on the same curves and in the same order of results.

    Study ``i`` is a pure function of ``seed`` and ``i``.

    Args:
        draw: draws a study.
        policies: name -> policy.
        curves: where the curves come from, for people.
        studies: how many are drawn.
        lanes: how many segments run side by side.
        seed: which studies are drawn.
        orders: whether every study is replayed once more with results in another order, to see what that changes.
    """
    judged: dict[str, list[Judgement]] = {name: [] for name in policies}
    again: dict[str, list[Judgement | None]] = {name: [] for name in policies}
    bounds = []
    for study in range(studies):
        expansion, found = draw(np.random.default_rng([seed, study]), study)
        bounds.append(oracle(expansion, found))
        for name, policy in policies.items():
            first = replay(policy, expansion, found, lanes)
            judged[name].append(judge(expansion, found, first, lanes))
            if orders:
                other = replay(policy, expansion, found, lanes, np.random.default_rng([seed, study, 1]))
                again[name].append(judge(expansion, found, other, lanes))
    tallies = tuple(tally(name, judged[name], again[name]) for name in policies)
    return Simulated(curves, lanes, seed, statistics.fmean(bounds), tallies)
