"""The curves of one study: what every trial would measure at every milestone if it ran to the end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from search_spaces.types import Trial


@dataclass(frozen=True)
class Curves:
    """What would be measured, and what is true.

    Attributes:
        values: (arm, seed) -> images -> the primary metric.
        truth: arm -> its true final cost, lower is better: what the mean over very many seeds would show, on the scale
            that arms are compared on (the logarithm of the metric where it is positive).
        diverged: (arm, seed) -> images at which the trial diverges.
    """

    values: Mapping[tuple[str, int], Mapping[int, float]]
    truth: Mapping[str, float]
    diverged: Mapping[tuple[str, int], int] = field(default_factory=dict)

    def value(self, trial: Trial, images: int) -> float | None:
        """Returns what a trial measures at ``images``; None where it has diverged by then or nothing is known."""
        key = trial.arm.name, trial.seed
        if images >= self.diverged.get(key, math.inf):
            return None
        return self.values[key].get(images)
