"""Cuts a study's budget to what a machine does in some hours, by the estimate that ``plan`` shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search_spaces.expand import expand
from search_spaces.load import study_from_data
from service.cost.estimate import Estimate, estimate
from service.first_study.draft import Machine

RUNGS = 4
"""The budget is so many equal parts; the first and the second end at a rung."""
_LEAST_STEPS = 50
"""Optimiser steps of such a part at the least."""
_MOST_PASSES, _MOST_IMAGES = 200, 10_000_000
_HOUR = 3600.0


def fitted(study: Mapping[str, Any], images: int, machine: Machine) -> tuple[dict[str, Any], Estimate]:
    """Returns the study with a budget and rungs, and what it will take.

    Times are affine in the budget, so two estimates tell the budget that fits. It is never less than what makes a
    comparison worth looking at, whatever the machine, and never more than 200 passes over the images.

    Args:
        study: plain data without a budget.
        images: training images of the data set.
        machine: what it is to run on.
    """
    batch = int(expand(study_from_data(_with(study, RUNGS * 8192))).baseline.config.training.batch_size)
    part = RUNGS * batch
    least = _LEAST_STEPS * part
    most = max(least, min(_MOST_PASSES * images, _MOST_IMAGES) // part * part)
    budget, found = most, _estimated(study, most)
    if (over := _seconds(found)) > machine.hours * _HOUR and most > least:
        low = _seconds(_estimated(study, least))
        share = (machine.hours * _HOUR - low) / (over - low) if over > low else 0.0
        budget = max(least, int(least + share * (most - least)) // part * part)
        found = _estimated(study, budget)
    return _with(study, budget), found


def _with(study: Mapping[str, Any], budget: int) -> dict[str, Any]:
    part = budget // RUNGS
    return {**study, "budget_images": budget, "rungs": [part, 2 * part]}


def _estimated(study: Mapping[str, Any], budget: int) -> Estimate:
    return estimate(expand(study_from_data(_with(study, budget))))


def _seconds(found: Estimate) -> float:
    """Wall-clock on this machine; device time where nobody knows how many lanes there will be."""
    return (found.whole.total if found.finish is None else found.finish).middle
