"""Judgements of many studies, added up for each policy."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from service.analysis.proportion import Proportion
from service.simulation.judge import Judgement


@dataclass(frozen=True)
class Tally:
    """What a policy came to over many studies.

    Attributes:
        policy: the policy with its options, as it was asked for.
        studies: how many.
        compute: mean share of the images that training every arm to the end takes.
        wall_clock: mean share of the time that training every arm to the end takes on the same lanes.
        best_of_ablation: ablations whose best arm beside the baseline was stopped, of all ablations.
        best_in_study: studies in which that happened to an ablation at least.
        winner_of_ablation: ablations whose best arm was stopped and is better than the baseline, of all ablations.
        better_in_study: studies in which an arm better than the baseline was stopped.
        any_stopped: studies in which any arm was stopped; of identical arms that is the family-wise rate.
        claims: comparisons that were called decided, of all (policies that add seeds).
        false_in_study: studies with a false one among them, of all studies.
        regret: mean over ablations of how much worse the best finished arm is than the best, as a share of the metric
            where it is compared on its logarithm.
        order: studies in which another order of results stopped other arms; None where that was not tried.
    """

    policy: str
    studies: int
    compute: float
    wall_clock: float
    best_of_ablation: Proportion
    best_in_study: Proportion
    winner_of_ablation: Proportion
    better_in_study: Proportion
    any_stopped: Proportion
    claims: Proportion
    false_in_study: Proportion
    regret: float
    order: Proportion | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns plain JSON data; a proportion is its count, how many there were, and its 95 % interval."""
        data = asdict(self)
        for name in data:
            value = getattr(self, name)
            if isinstance(value, Proportion):
                low, high = value.interval()
                data[name] = {"count": value.count, "of": value.of, "share": value.share, "low": low, "high": high}
        return data


def tally(policy: str, judged: Sequence[Judgement], other_order: Sequence[Judgement | None] = ()) -> Tally:
    """Adds judgements up.

    Args:
        policy: the policy's name and options.
        judged: one judgement for each study.
        other_order: the same studies with results in another order, where that was tried.
    """
    ablations = sum(len(item.best_stopped) for item in judged)
    again = [(one, two) for one, two in zip(judged, other_order, strict=False) if two is not None]
    return Tally(
        policy=policy,
        studies=len(judged),
        compute=statistics.fmean(item.compute for item in judged),
        wall_clock=statistics.fmean(item.wall_clock for item in judged),
        best_of_ablation=Proportion(sum(sum(item.best_stopped) for item in judged), ablations),
        best_in_study=Proportion(sum(any(item.best_stopped) for item in judged), len(judged)),
        winner_of_ablation=Proportion(sum(sum(item.winner_stopped) for item in judged), ablations),
        better_in_study=Proportion(sum(item.better_stopped > 0 for item in judged), len(judged)),
        any_stopped=Proportion(sum(bool(item.stopped) for item in judged), len(judged)),
        claims=Proportion(sum(item.claims for item in judged), sum(item.comparisons for item in judged)),
        false_in_study=Proportion(sum(item.false_claims > 0 for item in judged), len(judged)),
        regret=statistics.fmean(value for item in judged for value in item.regret),
        order=Proportion(sum(one.stopped != two.stopped for one, two in again), len(again)) if again else None,
    )
