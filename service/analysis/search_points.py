"""What a search has proposed and what came of it, as data for the report."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dit_core.extras import optional
from dit_core.metrics import direction
from search_spaces.search_space import GFLOPS
from service.analysis.secondary import mean
from service.analysis.summary import ArmSummary, Summary
from service.tuning.candidates import value_of

FEWEST = 8
"""Finished proposals that importances are worked out from, at least."""


@dataclass(frozen=True)
class Point:
    """One proposal.

    Attributes:
        number: counted from 1, in the order of the proposals.
        question: the generation that it belongs to.
        arm: the arm that it makes.
        values: axis or dotted field -> value.
        value: the primary metric at the budget, where it ran to it.
        last: images and the mean metric at the last rung it was measured at; None before the first.
        objectives: of a search with several objectives, each at the budget; None where it was not measured.
        around: the study's arm that it changes; empty for the baseline.
    """

    number: int
    question: str
    arm: ArmSummary
    values: dict[str, Any]
    value: float | None
    last: tuple[int, float] | None
    objectives: tuple[float | None, ...] = ()
    around: str = ""

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        return {
            "number": self.number,
            "question": self.question,
            "arm": self.arm.arm.name,
            "around": self.around,
            "values": self.values,
            "value": self.value,
            "last": self.last,
            "objectives": list(self.objectives),
            "gflops": self.arm.cost.gmacs,
            "status": self.arm.status,
        }


def search_points(summary: Summary) -> tuple[Point, ...]:
    """Returns every proposal of a study's search, oldest first; none where it has no search."""
    search = summary.study.search
    view = next((view for view in summary.expansion.ablations if view.action == "PROPOSE"), None)
    if search is None or view is None:
        return ()
    found = []
    for number, (label, name) in enumerate(view.arms[1:], start=1):
        arm = summary.arm(name)
        images = arm.last_images
        at = arm.at(images)
        profile = summary.study.baseline.profile
        values = {axis: value_of(axis, domain, arm.arm, profile) for axis, domain in search.values.items()}
        last = None if at is None else (images, at.mean)
        final = None if arm.final is None else arm.final.mean
        objectives = tuple(_objective(objective, arm, summary) for objective in search.objectives)
        around = view.around.get(label, "")
        found.append(Point(number, view.asked_by.get(name, ""), arm, values, final, last, objectives, around))
    return tuple(found)


def _objective(objective: str, arm: ArmSummary, summary: Summary) -> float | None:
    """An objective's mean over the seeds that ran to the budget; of Gflops the count."""
    if objective == GFLOPS:
        return arm.cost.gmacs
    if not arm.finals:
        return None
    study, budget = summary.study, summary.study.budget_images
    found = arm.at(budget) if objective == study.primary_metric else mean(arm, summary, objective, budget)
    return None if found is None or not math.isfinite(found.mean) else found.mean


def best_point(points: tuple[Point, ...], metric: str) -> Point | None:
    """Returns the proposal with the best metric at the budget; None before one has finished."""
    return next(iter(best_points(points, metric)), None)


def best_points(points: tuple[Point, ...], metric: str) -> list[Point]:
    """Returns the different proposals that ran to the budget, the best first; of equal ones the earlier first."""
    finished = {point.arm.arm.name: point for point in reversed(points) if point.value is not None}
    ordered = sorted(finished.values(), key=lambda point: point.number)
    return sorted(ordered, key=lambda point: direction.cost(metric, point.value or 0.0))


def importances(points: tuple[Point, ...], summary: Summary) -> dict[str, float]:
    """Returns how much of what sets the better half of the proposals apart each axis explains, in 0..1.

    PED-ANOVA (Watanabe et al., IJCAI 2023) by Optuna. Empty for one axis, below ``FEWEST`` finished proposals,
    and where Optuna is not installed.
    """
    search, metric = summary.study.search, summary.study.primary_metric
    finished = [point for point in points if point.value is not None]
    if search is None or len(search.values) < 2 or len(finished) < FEWEST:
        return {}
    optuna = optional("optuna")
    if optuna is None:
        return {}
    from service.search.samplers.by_optuna import distribution

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    domains = {name: distribution(domain) for name, domain in search.values.items()}
    study = optuna.create_study()
    for point in finished:
        cost = direction.cost(metric, point.value or 0.0)
        study.add_trial(optuna.trial.create_trial(params=point.values, distributions=domains, value=cost))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.5)
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
