"""Synchronous successive halving: at each rung the worst share of the arms is not continued."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from dit_core.metrics.direction import cost
from search_spaces.study import Real, Whole
from search_spaces.types import Arm, Expansion
from service.policies.base import Policy
from service.policies.contract import Look
from service.records.decisions import Stop
from service.records.results import Results, TrialResult


class Rungs(Policy):
    """Compares arms at each rung, on the mean of the primary metric over seeds, at equal images seen.

    The rule of successive halving (Jamieson & Talwalkar, arXiv 1502.07943), with these choices:

    - Every rung is a look, decided when ``LookPlanner`` says: once every arm that can reach it has.
    - The baseline is not compared and always continues.
    - Of ``n`` compared arms, ``floor(stop_fraction * n)`` are not continued: 5 of 11 at one half, 0 of 1.
    - Lower is better, or higher where the metric says so (``Metric.direction``).
    - An arm of which a seed diverged, or whose metric is not finite, ranks last and is always stopped. (So the
      share can be exceeded.) Its other seeds still run up to the rung.
    - A seed that was given up (its segment kept failing) is left out of its arm's mean; an arm without any
      measured seed is not compared.
    - Equal means keep the study's order: the later arm is stopped.
    """

    name: ClassVar[str] = "rungs"

    class Options(BaseModel):
        """How many arms are stopped, and from when on.

        Attributes:
            stop_fraction: share of the compared arms that are not continued at each rung.
            grace_images: rungs below this many images only measure; no arm is stopped there.
        """

        model_config = ConfigDict(frozen=True, extra="forbid")

        stop_fraction: Real = Field(0.5, ge=0, lt=1)
        grace_images: Whole = Field(0, ge=0)

    options: Options

    def looks(self, expansion: Expansion) -> tuple[Look, ...]:
        """Returns the rungs from ``grace_images`` on."""
        return tuple(Look(str(rung), rung) for rung in expansion.study.rungs if rung >= self.options.grace_images)

    def decide(
        self, look: Look, arms: tuple[Arm, ...], expansion: Expansion, results: Results
    ) -> tuple[tuple[str, ...], tuple[Stop, ...]]:
        """Ranks the arms by their means and stops the worst share."""
        metric, images = expansion.study.primary_metric, look.images
        measured: dict[str, list[float]] = {}
        for arm in arms:
            values = [_value(results[trial.name], metric, images) for trial in expansion.trials_of[arm.name]]
            if known := [value for value in values if value is not None]:
                measured[arm.name] = known
        means = {name: math.fsum(values) / len(values) for name, values in measured.items()}
        # stable: equal means keep the study's order
        ranking = sorted(means, key=lambda arm: (math.isinf(means[arm]), cost(metric, means[arm])))
        count = math.floor(Fraction(str(self.options.stop_fraction)) * len(ranking))
        bad = sum(math.isinf(means[name]) for name in ranking)
        keep = len(ranking) - max(count, bad)
        stops = tuple(
            Stop(
                arm=name,
                images=images,
                value=means[name],
                rank=rank,
                compared=len(ranking),
                reason=_reason(name, measured[name], metric, images, rank, len(ranking), keep),
            )
            for rank, name in enumerate(ranking, start=1)
            if rank > keep
        )
        return tuple(measured), stops


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
