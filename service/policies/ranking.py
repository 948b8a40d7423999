"""Arms ranked by their means at a look, for the policies that keep a number of the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dit_core.metrics.direction import cost
from search_spaces.types import Expansion
from service.records.decisions import Stop
from service.records.results import Results, TrialResult


@dataclass(frozen=True)
class Ranking:
    """Arms at a look, the best first.

    Attributes:
        metric: what they are compared on.
        images: the look, in images seen.
        measured: arm -> values of its seeds; infinite where a seed diverged or its metric is not finite. A seed that
            was given up is left out, and so is an arm without any seed.
        order: the arms by their means over seeds. An arm of which a seed diverged ranks last; equal means keep the
            study's order.
    """

    metric: str
    images: int
    measured: Mapping[str, list[float]]
    order: tuple[str, ...]

    @property
    def bad(self) -> int:
        """How many arms have a seed that diverged: the last of ``order``."""
        return sum(math.isinf(self.mean(arm)) for arm in self.order)

    def mean(self, arm: str) -> float:
        """The arm's mean over its seeds."""
        values = self.measured[arm]
        return math.fsum(values) / len(values)

    def stops(self, keep: int, which: str = "") -> tuple[Stop, ...]:
        """Stops all but the best ``keep``; an arm of which a seed diverged is stopped in any case.

        Args:
            keep: how many continue at most.
            which: ends the sentence that says where the arm ranks, e.g. `` of bracket 2``.
        """
        keep = min(keep, len(self.order) - self.bad)
        return tuple(
            Stop(arm, self.images, self.mean(arm), rank, len(self.order), self._reason(arm, rank, keep, which))
            for rank, arm in enumerate(self.order, start=1)
            if rank > keep
        )

    def _reason(self, arm: str, rank: int, keep: int, which: str) -> str:
        values = self.measured[arm]
        bad = sum(map(math.isinf, values))
        if bad:
            return f"{arm}: {bad} of {len(values)} seeds diverged by {self.images:,} images"
        seeds = "1 seed" if len(values) == 1 else f"{len(values)} seeds"
        return (
            f"{arm}: {self.metric} {self.mean(arm):.4g} (plain mean of {seeds}) ranks {rank} of "
            f"{len(self.order)}{which} at {self.images:,} images; the best {keep} continue"
        )


def ranking(arms: Sequence[str], images: int, expansion: Expansion, results: Results) -> Ranking:
    """Ranks arms by what was measured at ``images``; lower is better, or higher where the metric says so.

    Args:
        arms: their names, in the study's order.
        images: the look, in images seen.
        expansion: the study.
        results: what is known of every trial.
    """
    metric = expansion.study.primary_metric
    measured: dict[str, list[float]] = {}
    for arm in arms:
        values = [_value(results[trial.name], metric, images) for trial in expansion.trials_of[arm]]
        if known := [value for value in values if value is not None]:
            measured[arm] = known
    means = {arm: math.fsum(values) / len(values) for arm, values in measured.items()}
    # stable: equal means keep the study's order
    order = sorted(means, key=lambda arm: (math.isinf(means[arm]), cost(metric, means[arm])))
    return Ranking(metric, images, measured, tuple(order))


def _value(result: TrialResult, metric: str, images: int) -> float | None:
    """The trial's value at a resolved look: infinite when it diverged, None when it was given up."""
    value = result.value(metric, images)
    if value is not None:
        return value if math.isfinite(value) else math.inf
    return math.inf if result.diverged is not None and result.diverged.images <= images else None
