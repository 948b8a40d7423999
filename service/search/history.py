"""What a search has proposed so far, and what came of it: all that its sampler is told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dit_core.gflops import count
from dit_core.identity import digest
from dit_core.metrics import direction
from search_spaces.search_space import GFLOPS, SearchSpec
from search_spaces.types import Arm, Expansion, Proposal
from service.records.proposals import Batch, short
from service.records.results import Results

QUESTION = "search"
"""Begins the names of a search's questions."""


@dataclass(frozen=True)
class Told:
    """One proposal and what came of it.

    Attributes:
        values: axis or dotted field -> value.
        costs: the objectives at the budget, means over the seeds that were measured there, each so that less is better;
            empty where it was stopped, diverged, was given up or could not run.
        curve: images -> the first objective at rungs below the budget, less is better.
        lost: whether it diverged with any seed.
    """

    values: Mapping[str, Any]
    costs: tuple[float, ...] = ()
    curve: Mapping[int, float] = field(default_factory=dict)
    lost: bool = False


Generation = tuple[Told, ...]


def generations(
    search: SearchSpec,
    metric: str,
    expansion: Expansion,
    results: Results,
    answers: Mapping[str, Batch],
    prefix: str = QUESTION,
) -> tuple[Generation, ...]:
    """Returns every generation of a search, oldest first, as its sampler is told of it.

    Args:
        search: the search.
        metric: the study's primary metric.
        expansion: the study, with the arms proposed so far.
        results: what is known of every trial.
        answers: the questions that were answered.
        prefix: begins the names of the generations that count: those of one arm where arms are searched around.
    """
    objectives = search.objectives or (metric,)
    view = next((view for view in expansion.ablations if view.action == "PROPOSE"), None)
    arms = iter(() if view is None else view.arms[1:])  # a row for each accepted proposal, in their order
    found: list[Generation] = []
    for name, batch in answers.items():
        rows = [
            _told(proposal, expansion.arm(next(arms)[1]), objectives, expansion, results) for proposal in batch.accepted
        ]
        rows += [Told(refusal.proposal.set) for refusal in batch.refused]
        if name.rpartition("-")[0] == prefix:
            found.append(tuple(rows))
    return tuple(found)


def prefixes(search: SearchSpec, expansion: Expansion) -> dict[str, str]:
    """Returns what begins the names of the questions -> the arm that they are about; "" for the baseline's search."""
    if search.around == "baseline":
        return {QUESTION: ""}
    return {f"{QUESTION}-{short(arm.name)}": arm.name for arm in expansion.asked}


def sizes(answers: Mapping[str, Batch], prefix: str = QUESTION) -> tuple[int, ...]:
    """Returns how many were proposed in each generation, with those that cannot run."""
    own = (batch for name, batch in answers.items() if name.rpartition("-")[0] == prefix)
    return tuple(len(batch.accepted) + len(batch.refused) for batch in own)


def told_digest(search: SearchSpec, told: Sequence[Generation], arm: str = "") -> str:
    """Returns a digest of what a question is asked with: the search, and what came of every proposal so far."""

    def shown(row: Told) -> list[Any]:
        curve = {str(images): repr(cost) for images, cost in row.curve.items()}
        return [dict(row.values), [repr(cost) for cost in row.costs], curve, row.lost]

    rows = [[shown(row) for row in generation] for generation in told]
    return digest({"search": identity(search), "told": rows, **({"arm": arm} if arm else {})})


def identity(search: SearchSpec) -> dict[str, Any]:
    """Returns what makes two searches the same: all but how many trials there are, so that more can be asked for.

    Nor is what comes after it a part of it; and one around the baseline is what it was when there was no other.
    """
    left_out = {"trials", "finalists", "final_seeds"} | ({"around"} if search.around == "baseline" else set())
    return {key: value for key, value in search.model_dump(mode="json").items() if key not in left_out}


def _told(proposal: Proposal, arm: Arm, objectives: Sequence[str], expansion: Expansion, results: Results) -> Told:
    found = [results[trial.name] for trial in expansion.trials_of[arm.name]]
    budget = expansion.study.budget_images

    def mean(objective: str, images: int) -> float | None:
        if objective == GFLOPS:
            return count(arm.config.model, arm.config.training.mask_ratio).gmacs
        values = [value for item in found if (value := item.value(objective, images)) is not None]
        finite = [value for value in values if math.isfinite(value)]
        return direction.cost(objective, math.fsum(finite) / len(finite)) if finite else None

    lost = any(item.diverged is not None for item in found)
    costs = [mean(objective, budget) for objective in objectives]
    whole = [cost for cost in costs if cost is not None]
    rungs = ((images, mean(objectives[0], images)) for images in expansion.study.rungs)
    curve = {images: cost for images, cost in rungs if cost is not None}
    return Told(proposal.set, () if lost or len(whole) < len(costs) else tuple(whole), curve, lost)
