"""Asynchronous successive halving: an arm that reaches a rung is judged at once, against those that are there."""

from __future__ import annotations

import math
from functools import lru_cache
from hashlib import sha256
from typing import ClassVar

from search_spaces.types import Arm, Expansion, Trial
from service.policies.audit import HalvingOptions, audited
from service.policies.base import Policy
from service.policies.contract import Decisions, Look, Plan, Proposals, seen, unresolved
from service.policies.ranking import ranking
from service.records.decisions import Decision, stops_of
from service.records.results import Results


class Asha(Policy):
    """Asynchronous successive halving (Li et al., arXiv 1810.05934) in its stopping form, as Ray Tune has it.

    No arm waits for another: as soon as all seeds of an arm are measured at a rung, diverged or were given up, it is
    compared on their mean with the arms that have reached the rung so far, and continues if it is among the best
    ``1 / eta`` of them, rounded up. So the first to arrive always continues, and late arms meet more competitors:
    **what is stopped depends on the order in which results arrive**, and another number of lanes stops other arms. It
    is here to be compared with; a study whose conclusions matter should use another policy.

    Arms are ranked as by the policy ``rungs``. Every arm has a look of its own at every rung, so that each judgement is
    recorded before it is acted on, once, and stands.
    """

    name: ClassVar[str] = "asha"
    order_free: ClassVar[bool] = False
    comparison: ClassVar[str] = (
        "each arm compared as soon as it reaches a rung with the arms that have reached it so far, on the mean over "
        "seeds, so that what is stopped depends on the order in which results arrived"
    )

    class Options(HalvingOptions):
        """How sharply is halved."""

    options: Options

    def looks(self, expansion: Expansion) -> tuple[Look, ...]:
        """Returns a look for every rung and arm."""
        arms = [arm for arm in expansion.arms if not arm.is_baseline]
        by_arm = [_looks(expansion.study.rungs, arm.name) for arm in arms]
        return tuple(look for looks in zip(*by_arm, strict=True) for look in looks)

    def plan(self, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals) -> Plan:
        """Returns what is wanted, and the next judgement that can be made."""
        stops = {stop.arm: math.inf if stop.audited else stop.images for stop in stops_of(decisions.values())}
        limits: dict[str, float] = {}
        due: list[Decision] = []
        for arm in expansion.arms:
            if arm.is_baseline:
                limits[arm.name] = math.inf
                continue
            pending = self._pending(arm, expansion, decisions)
            limits[arm.name] = stops.get(arm.name, pending.images if pending is not None else math.inf)
            if not due and pending is not None and arm.name not in stops:
                due += self._judge(arm, pending, expansion, results, decisions)
        wanted: list[tuple[Trial, int]] = []
        for images in expansion.study.milestones:
            running = {name for name, limit in limits.items() if images <= limit}
            wanted += [
                (trial, images)
                for trial in expansion.trials
                if trial.arm.name in running and unresolved(results[trial.name], images)
            ]
        return Plan(tuple(wanted), tuple(due))

    def _pending(self, arm: Arm, expansion: Expansion, decisions: Decisions) -> Look | None:
        """The first rung that the arm was not judged at yet; a rung before one where it was only measures."""
        pending = None
        for look in reversed(_looks(expansion.study.rungs, arm.name)):
            if look.name in decisions:
                break
            pending = look
        return pending

    def _judge(
        self, arm: Arm, look: Look, expansion: Expansion, results: Results, decisions: Decisions
    ) -> list[Decision]:
        """The decision on one arm, once its seeds are there; none before, nor where no seed was measured."""

        def there(other: Arm) -> bool:
            trials = expansion.trials_of[other.name]
            return not (other.is_baseline or any(unresolved(results[trial.name], look.images) for trial in trials))

        if not there(arm):
            return []
        found = ranking([other.name for other in expansion.arms if there(other)], look.images, expansion, results)
        if arm.name not in found.measured:
            return []
        keep = math.ceil(round(len(found.order) / self.options.eta, 9))
        stops = tuple(stop for stop in found.stops(keep, " that have got there") if stop.arm == arm.name)
        compared = tuple(other for other in expansion.arms if other.name in found.measured)
        return [
            Decision(
                look=look.name,
                images=look.images,
                compared=tuple(other.name for other in compared),
                stops=audited(stops, self.audit, look, expansion),
                saw=seen(look, compared, expansion, results),
                earlier=stops_of(decisions.values()),
            )
        ]


@lru_cache(maxsize=16_384)
def _looks(rungs: tuple[int, ...], arm: str) -> tuple[Look, ...]:
    """The arm's own looks, by images; their names become part of keys, which an arm's cannot."""
    digest = sha256(arm.encode()).hexdigest()[:12]
    return tuple(Look(f"{rung}-{digest}", rung) for rung in rungs)
