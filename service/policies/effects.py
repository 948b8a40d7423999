"""What arms measure at one point, as costs on the scale that they are compared on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from dit_core.metrics.direction import cost
from search_spaces.types import Expansion
from service.records.results import Results

Table = Mapping[str, Mapping[int, float]]
"""Arm -> seed -> value, lower is better."""


def measured(expansion: Expansion, results: Results, images: int, arms: Iterable[str]) -> dict[str, dict[int, float]]:
    """Returns arm -> seed -> the primary metric at ``images`` as a cost (lower is better), where it is finite.

    A seed that diverged or was given up is missing, and so is an arm without any.
    """
    metric = expansion.study.primary_metric
    found: dict[str, dict[int, float]] = {}
    for arm in arms:
        values = {
            trial.seed: cost(metric, value)
            for trial in expansion.trials_of[arm]
            if (value := results[trial.name].value(metric, images)) is not None and math.isfinite(value)
        }
        if values:
            found[arm] = values
    return found


def diverged_mostly(expansion: Expansion, results: Results, images: int, arm: str) -> bool:
    """Whether more than half of an arm's seeds diverged by ``images`` or measured something that is not finite."""
    metric, lost, seeds = expansion.study.primary_metric, 0, expansion.trials_of[arm]
    for trial in seeds:
        result = results[trial.name]
        value = result.value(metric, images)
        diverged = result.diverged is not None and result.diverged.images <= images
        lost += diverged if value is None else not math.isfinite(value)
    return 2 * lost > len(seeds)


def on_log_scale(tables: Iterable[Table]) -> bool:
    """Whether values have one sign and are not zero, so that ratios can be compared."""
    values = [value for table in tables for row in table.values() for value in row.values()]
    return bool(values) and (all(value > 0 for value in values) or all(value < 0 for value in values))


def logarithms(table: Table) -> dict[str, dict[int, float]]:
    """Returns the logarithms of costs that have one sign; lower stays better."""
    return {
        arm: {seed: math.copysign(1.0, value) * math.log(abs(value)) for seed, value in row.items()}
        for arm, row in table.items()
    }


def sharing_a_seed(table: Table, hub: str) -> dict[str, dict[int, float]]:
    """Returns the rows that have a seed in common with the row ``hub``."""
    seeds = set(table.get(hub, ()))
    return {arm: dict(row) for arm, row in table.items() if seeds & set(row)}
