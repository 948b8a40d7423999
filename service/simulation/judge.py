"""What a replayed study came to, measured against the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dit_core.metrics.direction import cost
from search_spaces.types import Expansion
from service.policies.comparisons import comparisons
from service.policies.questions import ablations_of
from service.records.decisions import Claim
from service.simulation.curves import Curves
from service.simulation.replay import Replay
from service.statistics.contrast import Contrast


@dataclass(frozen=True)
class Judgement:
    """One study under one policy.

    Attributes:
        best_stopped: for every ablation, whether its best arm beside the baseline was stopped.
        winner_stopped: for every ablation, whether its best arm was stopped and is better than the baseline.
        better_stopped: arms stopped that are better than the baseline.
        better: arms that are better than the baseline.
        regret: for every ablation, how much worse its best arm that finished is than its best arm, on the scale of
            comparison; the baseline counts as an arm.
        compute: images trained, as a share of training every arm to the end.
        wall_clock: images that the busiest lane took, as a share of the same.
        stopped: names of the arms that ended early.
        comparisons: how many comparisons of arms the study has.
        claims: those of them that were called decided.
        false_claims: those of them that truly do not differ, or differ the other way.
    """

    best_stopped: tuple[bool, ...]
    winner_stopped: tuple[bool, ...]
    better_stopped: int
    better: int
    regret: tuple[float, ...]
    compute: float
    wall_clock: float
    stopped: frozenset[str]
    comparisons: int
    claims: int
    false_claims: int


def judge(expansion: Expansion, curves: Curves, outcome: Replay, lanes: int) -> Judgement:
    """Measures a replay against the truth of its curves."""
    baseline, truth = expansion.baseline.name, curves.truth
    stopped = frozenset(stop.arm for stop in outcome.stops if stop.ends_early)
    compared = {contrast.name: contrast for contrast in comparisons(expansion)}
    best_stopped, winner_stopped, regret = [], [], []
    for ablation in ablations_of(expansion):
        best = min(ablation.candidates, key=truth.__getitem__)
        finished = [truth[arm] for arm in (baseline, *ablation.candidates) if arm not in stopped]
        best_stopped.append(best in stopped)
        winner_stopped.append(best in stopped and truth[best] < truth[baseline])
        regret.append(min(finished) - min(truth[best], truth[baseline]))
    better = [arm.name for arm in expansion.arms[1:] if truth[arm.name] < truth[baseline]]
    full = full_images(expansion)
    return Judgement(
        tuple(best_stopped),
        tuple(winner_stopped),
        sum(arm in stopped for arm in better),
        len(better),
        tuple(regret),
        outcome.images / full,
        outcome.wall_clock * lanes / full,
        stopped,
        len(compared),
        len(outcome.claims),
        sum(_false(compared[name], claim, expansion, truth) for name, claim in outcome.claims.items()),
    )


def _false(contrast: Contrast, claim: Claim, expansion: Expansion, truth: Mapping[str, float]) -> bool:
    """Whether what was claimed is not true: there is no difference, or one of the other sign."""
    true = math.fsum(weight * truth[arm] for arm, weight in contrast.weights)
    return true * cost(expansion.study.primary_metric, claim.difference) <= 0


def full_images(expansion: Expansion) -> int:
    """Returns the images of a study that stops nothing; arms that share their weights train them once."""
    trained = [arm for arm in expansion.arms if arm.name not in expansion.weights_of]
    return len(trained) * len(expansion.study.seeds) * expansion.study.budget_images


def oracle(expansion: Expansion, curves: Curves) -> float:
    """Returns the compute of who knows the truth, as a share of training every arm to the end.

    The baseline and every ablation's best arm beside it run to the end, all others to the first rung.
    """
    study, truth = expansion.study, curves.truth
    kept = {min(ablation.candidates, key=truth.__getitem__) for ablation in ablations_of(expansion)}
    kept.add(expansion.baseline.name)
    ends: dict[str, int] = {}
    for arm in expansion.arms:
        weights = expansion.weights_of.get(arm.name, arm.name)
        end = study.budget_images if arm.name in kept else study.milestones[0]
        ends[weights] = max(end, ends.get(weights, 0))
    return len(study.seeds) * sum(ends.values()) / full_images(expansion)
