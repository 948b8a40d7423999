"""A race for claims: arms run in full, and get more seeds, block by block, until their comparisons are decided."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from dit_core.metrics.direction import cost
from search_spaces.study import Real, Whole
from search_spaces.types import Arm, Expansion, Trial
from service.policies.base import Policy
from service.policies.comparisons import comparisons, decided, told
from service.policies.contract import Decisions, Look, Plan, Proposals, seen, unresolved
from service.policies.effects import measured
from service.records.decisions import Claim, Decision, Stop, claims_of, stops_of
from service.records.results import Results
from service.statistics.contrast import Contrast


class Race(Policy):
    """Runs every arm to the budget and spends seeds where they decide something.

    The design of AdaStop (Mathieu et al., arXiv 2306.10882): the study's seeds are spent in blocks; after each block
    the contrasts that are still open are tested together, step-down, at the share of ``alpha`` that this look may
    spend; an arm gets no more seeds once all that it is compared with is decided, and the baseline gets as many as the
    arm that gets most. What differs from AdaStop:

    - The test is that of the report, the linear model over arms and seeds with the distribution of the largest t
      (``step_down``). Permutations of a few seeds cannot reach the level of a look: two blocks of two seeds have 36,
      which makes no p below 0.05.
    - Contrasts are those of the report: arms with the baseline, ladder steps, arms with their controls, cells of a grid
      with what their changes add up to. Those of the questions that the study named beforehand are corrected among
      themselves, the others among all.
    - Each of the planned ``looks`` may spend ``alpha / looks``, so that the chance of any false claim, over all arms
      and looks, stays below ``alpha`` whatever the looks have in common. Seeds that are added to the study later are
      looked at as long as a planned look is left; then nothing more is claimed, however many seeds there are.

    The order of results changes nothing: a look is decided once every open arm and the baseline are measured with its
    seeds at the budget, diverged or were given up. A diverged seed is missing; an arm of which all seeds so far have
    diverged, two at least, gets no more, and nothing waits for a comparison with it. Arms that only measure the
    baseline's weights again follow the baseline. Rungs only measure.
    """

    name: ClassVar[str] = "race"
    version: ClassVar[int] = 2
    comparison: ClassVar[str] = (
        "arms run in full and get more seeds, in blocks, until all that they are compared with is decided at the level "
        "of a group-sequential test"
    )

    class Options(BaseModel):
        """How seeds are spent, and at what level claims are made.

        Attributes:
            block: seeds that are added at a time; those beyond the planned looks come with the last.
            looks: how many looks are planned at most.
            alpha: chance of any false claim, over all arms and looks.
        """

        model_config = ConfigDict(frozen=True, extra="forbid")

        block: Whole = Field(2, ge=1)
        looks: Whole = Field(4, ge=1)
        alpha: Real = Field(0.05, gt=0, lt=1)

    options: Options

    def looks(self, expansion: Expansion) -> tuple[Look, ...]:
        """Returns a look for every block of seeds, at the budget; it is named by how many seeds there are by then."""
        seeds, block = len(expansion.study.seeds), self.options.block
        counts = [*range(block, seeds, block)][: self.options.looks - 1]
        return tuple(Look(f"seeds-{count}", expansion.study.budget_images, True) for count in (*counts, seeds))

    def plan(self, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals) -> Plan:
        """Returns the seeds that are wanted now, and the next look's decision once it can be made."""
        stops = {stop.arm: stop for stop in stops_of(decisions.values())}
        stops.pop(expansion.baseline.name, None)
        claims = claims_of(decisions.values())
        compared = comparisons(expansion)
        spent = max((_count(look) for look in decisions), default=0)
        left = self.looks(expansion) if len(decisions) < self.options.looks else ()
        pending = next((look for look in left if _count(look.name) > spent), None)
        seeds = expansion.study.seeds
        now = seeds[: _count(pending.name)] if pending is not None else seeds
        asked = {arm for contrast in compared for arm, _ in contrast.weights}
        running = [arm for arm in expansion.arms[1:] if arm.name in asked and arm.name not in stops]
        given = {arm.name: frozenset(now) for arm in running}
        given |= {stop.arm: frozenset(stop.seeds) for stop in stops.values()}
        used = frozenset().union(*given.values()) if given else frozenset(now)

        def wants(trial: Trial, images: int) -> bool:
            stop = stops.get(trial.arm.name)
            return (
                trial.seed in given.get(trial.arm.name, used)
                and (stop is None or images <= stop.images)
                and unresolved(results[trial.name], images)
            )

        wanted = tuple(
            (trial, images)
            for images in expansion.study.milestones
            for trial in expansion.trials
            if wants(trial, images)
        )
        if pending is None or not running:
            return Plan(wanted)
        still = [c for c in compared if c.name not in claims and not any(arm in stops for arm, _ in c.weights)]
        return Plan(wanted, self._decide(pending, now, running, still, expansion, results, decisions))

    def _decide(
        self,
        look: Look,
        seeds: tuple[int, ...],
        running: list[Arm],
        still: list[Contrast],
        expansion: Expansion,
        results: Results,
        decisions: Decisions,
    ) -> tuple[Decision, ...]:
        """Decides a look, once nothing is missing there that can still be had."""
        baseline = expansion.baseline
        for arm in (baseline, *running):
            trials = [trial for trial in expansion.trials_of[arm.name] if trial.seed in seeds]
            if any(unresolved(results[trial.name], look.images) for trial in trials):
                return ()
        lost = {arm.name for arm in running if len(seeds) > 1 and _diverged(arm, seeds, look, expansion, results)}
        values = measured(expansion, results, look.images, (arm.name for arm in running))
        compared = [arm for arm in running if arm.name in lost or set(seeds) & set(values.get(arm.name, ()))]
        if not compared:
            return ()
        level = self.options.alpha / self.options.looks
        able = [contrast for contrast in still if not any(arm in lost for arm, _ in contrast.weights)]
        claims = claims_of(decisions.values())
        claims |= {claim.contrast: claim for claim in decided(able, seeds, expansion, results, level)}
        waiting = {arm for contrast in able if contrast.name not in claims for arm, _ in contrast.weights}
        ranks = _means(look, seeds, compared, expansion, results)
        metric = expansion.study.primary_metric
        order = sorted(ranks, key=lambda arm: (math.isinf(ranks[arm]), cost(metric, ranks[arm])))
        stops = tuple(
            Stop(
                arm=arm.name,
                images=look.images,
                value=ranks[arm.name],
                rank=order.index(arm.name) + 1,
                compared=len(compared),
                reason=_reason(arm.name, arm.name in lost, claims, expansion, len(seeds), level),
                seeds=seeds,
            )
            for arm in compared
            if arm.name in lost or arm.name not in waiting
        )
        return (
            Decision(
                look=look.name,
                images=look.images,
                compared=tuple(arm.name for arm in compared),
                stops=stops,
                saw=seen(look, tuple(running), expansion, results),
                earlier=stops_of(decisions.values()),
                claims=tuple(claims.values()),
            ),
        )


def _diverged(arm: Arm, seeds: tuple[int, ...], look: Look, expansion: Expansion, results: Results) -> bool:
    """Whether every seed of an arm has diverged."""
    found = [results[trial.name] for trial in expansion.trials_of[arm.name] if trial.seed in seeds]
    return all(item.diverged is not None and look.images not in item.evaluations for item in found)


def _count(look: str) -> int:
    """How many seeds there are by a look."""
    return int(look.rpartition("-")[2])


def _means(
    look: Look, seeds: tuple[int, ...], arms: list[Arm], expansion: Expansion, results: Results
) -> dict[str, float]:
    """Arm -> mean of the primary metric over the look's seeds; infinite without any."""
    metric = expansion.study.primary_metric
    found = {}
    for arm in arms:
        values = [
            value
            for trial in expansion.trials_of[arm.name]
            if trial.seed in seeds and (value := results[trial.name].value(metric, look.images)) is not None
        ]
        finite = [value for value in values if math.isfinite(value)]
        found[arm.name] = math.fsum(finite) / len(finite) if finite else math.inf
    return found


def _reason(arm: str, lost: bool, claims: Mapping[str, Claim], expansion: Expansion, seeds: int, level: float) -> str:
    if lost:
        return f"{arm}: every one of its {seeds} seeds diverged; it gets no more"
    known = [
        told(contrast, claims[contrast.name], expansion)
        for contrast in comparisons(expansion)
        if contrast.arm == arm and contrast.name in claims
    ]
    if not known:
        return f"{arm}: nothing that it is compared with can be decided after {seeds} seeds; it gets no more seeds"
    return (
        f"{arm}: {', '.join(known)} after {seeds} seeds ({level:.2g} was allowed at each look); it gets no more seeds"
    )
