"""What an arm's values are chosen from, and which of them are best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dit_core.metrics import direction
from search_spaces.axes import find_axis
from search_spaces.domain import Domain
from search_spaces.fields import get_field
from search_spaces.profiles import PROFILES
from search_spaces.types import Arm, Candidate, Expansion
from service.records.results import Results


def candidates(arm: str, expansion: Expansion, results: Results) -> tuple[Candidate, ...]:
    """Returns what was tried for an arm, its own values first.

    Args:
        arm: the arm as the study has it.
        expansion: the study that tunes, with everything that was proposed.
        results: what is known of its trials.
    """
    search = expansion.study.search
    view = next((view for view in expansion.ablations if view.action == "PROPOSE"), None)
    assert search is not None
    rows = () if view is None else tuple(name for label, name in view.arms[1:] if view.around.get(label) == arm)
    profile = expansion.study.baseline.profile
    found = []
    for name in dict.fromkeys((arm, *rows)):
        config = expansion.arm(name)
        values = {axis: value_of(axis, domain, config, profile) for axis, domain in search.values.items()}
        found.append(_measured(name, values, expansion, results, own=name == arm))
    return tuple(found)


def best(found: Sequence[Candidate], metric: str) -> int | None:
    """Returns the place of the best candidate; None where none was measured.

    The best mean over the tuning seeds, of those without a seed that diverged; of equal ones the first.
    """
    costs = {
        place: direction.cost(metric, mean)
        for place, candidate in enumerate(found)
        if (mean := mean_of(candidate)) is not None
    }
    return min(costs, key=lambda place: costs[place], default=None)


def mean_of(candidate: Candidate) -> float | None:
    """Returns a candidate's mean over the tuning seeds; None where it was lost or not measured."""
    values = list(candidate.measured.values())
    if candidate.lost or not values or not all(map(math.isfinite, values)):
        return None
    return math.fsum(values) / len(values)


def value_of(name: str, domain: Domain, arm: Arm, profile: str) -> Any:
    """Returns an arm's value of an axis or field; of a choice, as the study writes it."""
    if "." in name:
        return get_field(arm.config, name)
    known, axis = PROFILES.get(profile), find_axis(name)
    own = axis.current(arm.config, known)
    return next((value for value in domain.values if axis.parse(value, known) == own), own)


def _measured(name: str, values: dict[str, Any], expansion: Expansion, results: Results, *, own: bool) -> Candidate:
    metric, images = expansion.study.primary_metric, expansion.study.budget_images
    found = [results[trial.name] for trial in expansion.trials_of[name]]
    measured = {item.trial.seed: value for item in found if (value := item.value(metric, images)) is not None}
    finite = {seed: value for seed, value in measured.items() if math.isfinite(value)}
    lost = len(finite) < len(measured) or any(item.diverged is not None for item in found)
    return Candidate(values, finite, lost, own)
