"""Synchronous successive halving: at each rung the worst share of the arms is not continued."""

from __future__ import annotations

import math
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

from dit_core.metrics.direction import cost
from search_spaces.types import Arm, Expansion, Trial
from service.policies.base import Plan, Policy, Stop, unresolved
from service.records.results import Results, TrialResult


class Rungs(Policy):
    """Compares arms at each rung, on the mean of the primary metric over seeds, at equal images seen.

    The rule of successive halving (Jamieson & Talwalkar, arXiv 1502.07943), with these choices:

    - A rung is decided once every arm that can reach it has: each of its seeds is measured there, diverged
      at or before it, or was given up. Until then no arm but the baseline is planned past it. So a decision
      depends on the measurements alone, never on who came first, and later measurements never undo it.
    - The baseline is not compared and always continues.
    - Of ``n`` compared arms, ``floor(stop_fraction * n)`` are not continued: 5 of 11 at one half, 0 of 1.
    - Lower is better, or higher where the metric says so (``Metric.direction``).
    - An arm of which a seed diverged, or whose metric is not finite, ranks last and is always stopped. (So the
      share can be exceeded.) Its other seeds still run up to the rung.
    - A seed that was given up (its segment kept failing) is left out of its arm's mean; an arm without any
      measured seed is not compared.
    - Equal means keep the study's order: the later arm is stopped.
    """

    class Options(BaseModel):
        """How many arms are stopped, and from when on.

        Attributes:
            stop_fraction: share of the compared arms that are not continued at each rung.
            grace_images: rungs below this many images only measure; no arm is stopped there.
        """

        model_config = ConfigDict(frozen=True, extra="forbid")

        stop_fraction: float = Field(0.5, ge=0, lt=1)
        grace_images: int = Field(0, ge=0)

    options: Options

    def plan(self, expansion: Expansion, results: Results) -> Plan:
        """Returns what is missing up to the first undecided rung, and the stops decided so far."""
        study = expansion.study
        racing = [arm for arm in expansion.arms if not arm.is_baseline]
        wanted: list[tuple[Trial, int]] = []
        stops: list[Stop] = []
        decided = True
        for images in study.milestones:
            runnable = (
                {expansion.baseline.name, *(arm.name for arm in racing)} if decided else {expansion.baseline.name}
            )
            missing = [
                trial
                for trial in expansion.trials
                if trial.arm.name in runnable and unresolved(results[trial.name], images)
            ]
            wanted.extend((trial, images) for trial in missing)
            decided = decided and all(trial.arm.is_baseline for trial in missing)
            if decided and images in study.rungs and images >= self.options.grace_images:
                stopped = self._compare(expansion, results, racing, images)
                stops.extend(stopped)
                ended = {stop.arm for stop in stopped}
                racing = [arm for arm in racing if arm.name not in ended]
        return Plan(tuple(wanted), tuple(stops))

    def _compare(self, expansion: Expansion, results: Results, racing: list[Arm], images: int) -> list[Stop]:
        study = expansion.study
        measured: dict[str, list[float]] = {}
        for arm in racing:
            seeds = [results[Trial(arm, seed).name] for seed in study.seeds]
            values = [_value(result, study.primary_metric, images) for result in seeds]
            if known := [value for value in values if value is not None]:
                measured[arm.name] = known
        means = {name: math.fsum(values) / len(values) for name, values in measured.items()}
        # stable: equal means keep the study's order
        ranking = sorted(means, key=lambda arm: (math.isinf(means[arm]), cost(study.primary_metric, means[arm])))
        count = math.floor(Fraction(str(self.options.stop_fraction)) * len(ranking))
        bad = sum(math.isinf(means[name]) for name in ranking)
        keep = len(ranking) - max(count, bad)
        return [
            Stop(
                arm=name,
                images=images,
                value=means[name],
                rank=rank,
                compared=len(ranking),
                reason=_reason(name, measured[name], study.primary_metric, images, rank, len(ranking), keep),
            )
            for rank, name in enumerate(ranking, start=1)
            if rank > keep
        ]


def _value(result: TrialResult, metric: str, images: int) -> float | None:
    """The trial's value at a resolved rung: infinite when it diverged, None when it was given up."""
    value = result.value(metric, images)
    if value is not None:
        return value if math.isfinite(value) else math.inf
    return math.inf if result.diverged is not None and result.diverged.images <= images else None


def _reason(name: str, values: list[float], metric: str, images: int, rank: int, compared: int, keep: int) -> str:
    bad = sum(map(math.isinf, values))
    if bad:
        return f"{name}: {bad} of {len(values)} seeds diverged by {images:,} images"
    mean = math.fsum(values) / len(values)
    seeds = "1 seed" if len(values) == 1 else f"{len(values)} seeds"
    return (
        f"{name}: {metric} {mean:.4g} (mean of {seeds}) ranks {rank} of {compared} at {images:,} images; "
        f"the best {keep} continue"
    )
