"""What the model of arms and seeds is fitted to: numbers laid out, before NumPy, which fits them, is imported."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

Scale = Literal["log", "identity"]


@dataclass(frozen=True)
class Measurements:
    """One metric of a study. Make it with ``measurements``.

    Attributes:
        arms: names, in the order they were given.
        seeds: every seed that any arm was measured with, ascending.
        scale: of the model: ``log`` where every value is positive, else ``identity``.
        values: (arm, seed, the metric) of every finite value, arms and seeds by their places.
        training: for each arm the place of the arm whose weights it evaluates: its own, where it is trained for itself.
        left_out: (arm, seed) of values that were no finite numbers.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    scale: Scale
    values: tuple[tuple[int, int, float], ...]
    training: tuple[int, ...]
    left_out: tuple[tuple[str, int], ...] = ()

    @cached_property
    def measured(self) -> frozenset[str]:
        """The arms that have a finite value."""
        return frozenset(self.arms[arm] for arm, _, _ in self.values)

    def told(self) -> dict[str, Any]:
        """Returns all of it as plain JSON data."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def measurements(
    values: Mapping[str, Mapping[int, float]],
    *,
    trained_with: Mapping[str, str] | None = None,
    scale: Scale | None = None,
) -> Measurements:
    """Lays out one metric of a study.

    Args:
        values: arm -> seed -> the metric; seeds may differ between arms, an arm may have none. Values that are no
            finite numbers are left out and named in ``left_out``.
        trained_with: arm -> the arm whose weights it evaluates, for arms that are not trained for themselves. Their
            errors go together, so differences between them have a variance of their own.
        scale: None takes the logarithm where every finite value is positive.
    """
    finite = {arm: {s: float(v) for s, v in own.items() if math.isfinite(v)} for arm, own in values.items()}
    left_out = tuple((arm, seed) for arm, own in values.items() for seed, v in own.items() if not math.isfinite(v))
    if scale is None:
        scale = "log" if all(value > 0 for own in finite.values() for value in own.values()) else "identity"
    seeds = tuple(sorted({seed for own in finite.values() for seed in own}))
    place = {seed: number for number, seed in enumerate(seeds)}
    rows = tuple((arm, place[seed], own[seed]) for arm, own in enumerate(finite.values()) for seed in sorted(own))
    arms, shared = tuple(values), trained_with or {}
    index = {arm: number for number, arm in enumerate(arms)}
    training = tuple(index.get(shared.get(arm, arm), index[arm]) for arm in arms)
    return Measurements(arms, seeds, scale, rows, training, left_out)
