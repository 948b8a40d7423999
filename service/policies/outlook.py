"""What is known and forecast of a study's arms at one rung."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.types import Expansion
from service.policies.best_arm import Forecast, chance_ahead
from service.policies.effects import Table, logarithms, measured, on_log_scale, sharing_a_seed
from service.policies.forecast import Rung, forecast
from service.records.results import Results
from service.statistics.fitting import fitted
from service.statistics.measurements import measurements


@dataclass(frozen=True)
class Outlook:
    """The arms that share a seed with the baseline at a rung, and where they are expected to end.

    Attributes:
        baseline: the baseline's name.
        table: arm -> seed -> value at the rung, lower is better; a logarithm where all values have one sign.
        effects: arm -> its effect there, of the additive fit over arms and seeds.
        ends: arm -> where it is expected to end.
    """

    baseline: str
    table: Table
    effects: Mapping[str, float]
    ends: Mapping[str, Forecast]

    def ahead(self, arm: str) -> float:
        """The chance that an arm ends ahead of the baseline."""
        return chance_ahead(self.ends[arm], self.ends[self.baseline])

    def behind(self, arm: str) -> bool:
        """Whether an arm is worse than the baseline, on average and on most of the seeds that both have."""
        own, other = self.table[arm], self.table[self.baseline]
        worse = [own[seed] > other[seed] for seed in own if seed in other]
        return self.effects[arm] > self.effects[self.baseline] and 2 * sum(worse) > len(worse)


def outlook(images: int, expansion: Expansion, results: Results, correlation: float) -> Outlook | None:
    """Returns the outlook at a rung; None where the baseline has no value there, or no arm a seed in common with it.

    Args:
        images: the rung.
        expansion: the study.
        results: what is known of every trial; what was measured after the rung does not count.
        correlation: see ``forecast``.
    """
    baseline, names = expansion.baseline.name, [arm.name for arm in expansion.arms]
    points = [rung for rung in expansion.study.rungs if rung <= images]
    tables: list[Table] = [measured(expansion, results, rung, names) for rung in points]
    if on_log_scale(tables):
        tables = [logarithms(table) for table in tables]
    tables = [sharing_a_seed(table, baseline) for table in tables]
    if not tables or len(tables[-1]) < 2:
        return None
    rungs = [
        Rung(rung, fitted(measurements(table, scale="identity")))
        for rung, table in zip(points, tables, strict=True)
        if len(table) > 1
    ]
    ends = forecast(rungs, expansion.study.budget_images, correlation)
    return Outlook(baseline, tables[-1], rungs[-1].effects, ends)
