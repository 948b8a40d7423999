"""Recorded curves: trials that were measured at every rung and at the end, and studies of some of their seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dit_core.errors import UserError
from dit_core.metrics.direction import cost
from search_spaces.types import Expansion
from service.policies.effects import logarithms, on_log_scale
from service.records.results import Results
from service.simulation.curves import Curves


def recorded(expansion: Expansion, results: Results) -> Curves:
    """Returns a study's recorded curves; the truth is the mean over all of its seeds at the end.

    Args:
        expansion: the study; every arm and seed of it.
        results: what the store has of it.

    Raises:
        UserError: a trial was not measured at all of the study's rungs and its budget; it names the first.
    """
    study = expansion.study
    values: dict[tuple[str, int], dict[int, float]] = {}
    diverged: dict[tuple[str, int], int] = {}
    for trial in expansion.trials:
        result, key = results[trial.name], (trial.arm.name, trial.seed)
        values[key] = {}
        for images in study.milestones:
            value = result.value(study.primary_metric, images)
            if value is None and result.diverged is None:
                raise UserError(
                    f"curves: {trial.name!r} has no {study.primary_metric} at {images:,} images; recorded curves need "
                    "every trial at every rung and at the budget (run the study with policy=none)"
                )
            if value is not None and math.isfinite(value):
                values[key][images] = value
        if result.diverged is not None:
            diverged[key] = result.diverged.images
    return Curves(values, true_ends(expansion, values), diverged)


def true_ends(expansion: Expansion, values: Mapping[tuple[str, int], Mapping[int, float]]) -> dict[str, float]:
    """Returns arm -> mean final cost over its seeds, on the scale of comparison; infinite where no seed finished."""
    study = expansion.study
    table = {
        arm.name: {
            trial.seed: cost(study.primary_metric, values[arm.name, trial.seed][study.budget_images])
            for trial in expansion.trials_of[arm.name]
            if study.budget_images in values[arm.name, trial.seed]
        }
        for arm in expansion.arms
    }
    if on_log_scale([table]):
        table = logarithms(table)
    return {arm: statistics.fmean(row.values()) if row else math.inf for arm, row in table.items()}


def some_seeds(expansion: Expansion, count: int, generator: np.random.Generator) -> tuple[int, ...]:
    """Draws ``count`` of a study's seeds, without putting back, in the study's order."""
    seeds = expansion.study.seeds
    return tuple(seeds[place] for place in sorted(generator.choice(len(seeds), count, replace=False)))


def with_seeds(expansion: Expansion, seeds: Sequence[int]) -> Expansion:
    """Returns the study with other seeds; its arms are the same."""
    return replace(expansion, study=expansion.study.model_copy(update={"seeds": tuple(seeds)}))
