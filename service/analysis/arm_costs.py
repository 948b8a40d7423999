"""What the study's trials cost, from their records: seconds, images and multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dit_core.gflops import training_gmacs
from service.analysis.status import StateKind
from service.analysis.summary import Summary
from service.records.measurements import StoredMetric
from service.records.store import Store


@dataclass(frozen=True)
class ArmCost:
    """An arm's cost over all its seeds, up to this study's budget, whichever study paid.

    A training that several arms share is the first arm's; the others cost their evaluations.

    Attributes:
        arm: the arm's name.
        images: training images seen, summed over seeds.
        train_seconds: device seconds of training (wall-clock times the study's workers per lane).
        sample_seconds: device seconds of sampling.
        score_seconds: device seconds of scoring.
        gmacs: multiply-adds of training, in 10^9 (forward pass x 3).
        reused: trials that another study had already paid for.
        weights_of: the arm whose weights it evaluates; None where it is trained for itself.
    """

    arm: str
    images: int
    train_seconds: float
    sample_seconds: float
    score_seconds: float
    gmacs: float
    reused: int
    weights_of: str | None = None


def arm_costs(summary: Summary, store: Store) -> list[ArmCost]:
    """Adds up what every arm cost."""
    study, workers = summary.study, summary.study.resources.workers
    costs = []
    for arm in summary.arms:
        images, train, sample, score = 0, 0.0, 0.0, 0.0
        weights_of = summary.weights_of.get(arm.arm.name)
        for status in arm.statuses:
            if weights_of is None:
                stretches = [piece for piece in store.spans(status.train_id) if piece.images <= study.budget_images]
                images += max((stretch.images for stretch in stretches), default=0)
                train += sum(stretch.seconds for stretch in stretches)
            for milestone in study.milestones:
                for metric in summary.results[status.trial.name].evaluations.get(milestone, {}).values():
                    if isinstance(metric, StoredMetric):
                        sample += metric.sample_seconds
                        score += metric.score_seconds
        reused = sum(status.state.kind is StateKind.REUSED for status in arm.statuses)
        seconds = (train * workers, sample * workers, score * workers)
        gmacs = training_gmacs(arm.cost, images)
        costs.append(ArmCost(arm.arm.name, images, *seconds, gmacs, reused, weights_of))
    return costs


def priced(summary: Summary, store: Store) -> Summary:
    """Returns the summary with what its arms cost, so that its verdicts say what settling them costs."""
    return with_costs(summary, arm_costs(summary, store))


def with_costs(summary: Summary, costs: Sequence[ArmCost]) -> Summary:
    """Returns what ``priced`` does, of costs that were added up before."""
    seconds = {cost.arm: cost.train_seconds + cost.sample_seconds + cost.score_seconds for cost in costs}
    return replace(summary, device_seconds=seconds)


def total(costs: Sequence[ArmCost]) -> ArmCost:
    """Adds up all arms."""
    return ArmCost(
        "all arms",
        sum(cost.images for cost in costs),
        sum(cost.train_seconds for cost in costs),
        sum(cost.sample_seconds for cost in costs),
        sum(cost.score_seconds for cost in costs),
        sum(cost.gmacs for cost in costs),
        sum(cost.reused for cost in costs),
    )
