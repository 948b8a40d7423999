"""When looks are decided, and what is wanted meanwhile: the same for all policies that decide by looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search_spaces.types import Arm, Expansion, Trial
from service.policies.audit import audited
from service.policies.contract import Decisions, Look, Plan, Proposals, seen, unresolved
from service.policies.planner import Planner
from service.records.decisions import Decision, Stop, stops_of
from service.records.results import Results, TrialResult

if TYPE_CHECKING:
    from service.policies.base import Policy


@dataclass
class _Wants:
    """What is wanted of one trial.

    Attributes:
        trial: the trial.
        missing: milestones that are not measured and still can be, in order.
        count: how many of them are wanted now; always the first ones.
    """

    trial: Trial
    missing: tuple[int, ...]
    count: int = 0

    @property
    def next(self) -> int | None:
        return self.missing[0] if self.count else None


class LookPlanner(Planner):
    """The plan of a policy that decides by looks.

    - A look is decided once every arm that can reach it has: each of its seeds is measured there, diverged at or
      before it, or was given up. Until then only the baseline is wanted past it. So a decision depends on the
      measurements alone, never on who came first.
    - A look is decided once. What comes later (a trial that had been given up, a seed, an arm) does not open it: an arm
      that was not there is not compared and continues past it. A look before one that has been decided only measures.
    - The baseline is wanted at every milestone. A stopped arm is wanted up to the look where it was stopped, so
      that its mean there is over all seeds, new ones included, and not beyond.
    - A stopped arm that was drawn to be audited is wanted at every milestone, and compared no more.
    - A look at which no arm has a value is not decided.
    """

    def __init__(
        self, policy: Policy, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals
    ) -> None:
        super().__init__(policy, expansion, results, decisions, proposals)
        self._milestones = expansion.study.milestones
        self._looks = policy.looks(expansion)
        for look in self._looks:
            if look.images not in self._milestones:
                raise ValueError(f"policy {policy.name}: the study measures nothing at the look {look}")
        self._wants = {trial.name: _Wants(trial, self._missing(self.results[trial.name])) for trial in expansion.trials}
        self._changed: dict[str, None] = {}
        self._left = 0
        self._void = False
        self._stops: dict[str, Stop] = {}
        self._pending: list[Look] = []
        self._open: dict[str, int] = {}
        self._take_decisions()
        for name in self._wants:
            self._weigh(name)

    @property
    def plan(self) -> Plan:
        """The whole plan, the earliest milestone first and, at one milestone, in the study's order."""
        wanted: dict[int, list[tuple[Trial, int]]] = {images: [] for images in self._milestones}
        for wants in self._wants.values():
            for images in wants.missing[: wants.count]:
                wanted[images].append((wants.trial, images))
        ordered = tuple(item for images in self._milestones for item in wanted[images])
        return Plan(ordered, self.due(), self.questions())

    @property
    def left(self) -> int:
        """Measurements wanted now."""
        return self._left

    def next(self, trial: str) -> int | None:
        """Returns the images at which a trial is wanted next, None when it is not."""
        return self._wants[trial].next

    def take_changed(self) -> tuple[str, ...]:
        """Returns the trials whose ``next`` has changed since the last call; at first, all that are wanted."""
        changed = tuple(self._changed)
        self._changed.clear()
        return changed

    def update(self, result: TrialResult) -> None:
        """Takes what is known of a trial now; costs no more than the study has milestones."""
        name = result.trial.name
        wants = self._wants[name]
        before, now = wants.missing, self._missing(result)
        self.results[name] = result
        for look in self._pending:
            if self._awaited(look, wants.trial.arm):
                self._open[look.name] += (look.images in now) - (look.images in before)
        self._void = False
        next_before = wants.next
        wants.missing = now
        self._weigh(name, next_before)

    def record(self, decision: Decision) -> None:
        """Takes a decision that stands; costs as much as the study has trials."""
        self.decisions[decision.look] = decision
        self._take_decisions()
        for name, wants in self._wants.items():
            self._weigh(name, wants.next)

    def due(self) -> tuple[Decision, ...]:
        """Returns the decision of the next look, once nothing is missing there."""
        if self._void or not self._pending or self._open[self._pending[0].name]:
            return ()
        look = self._pending[0]
        arms = tuple(arm for arm in self.expansion.arms if not arm.is_baseline and arm.name not in self._stops)
        compared, stops = self.policy.decide(look, arms, self.expansion, self.results)
        if not {stop.arm for stop in stops} <= set(compared) <= {arm.name for arm in arms}:
            raise ValueError(f"policy {self.policy.name}: it may stop no arm but those that it compared at {look.name}")
        if not compared:
            self._void = True  # until something changes
            return ()
        stops = audited(stops, self.policy.audit, look, self.expansion)
        saw, earlier = seen(look, arms, self.expansion, self.results), tuple(self._stops.values())
        return (Decision(look=look.name, images=look.images, compared=compared, stops=stops, saw=saw, earlier=earlier),)

    def _missing(self, result: TrialResult) -> tuple[int, ...]:
        return tuple(images for images in self._milestones if unresolved(result, images))

    def _awaited(self, look: Look, arm: Arm) -> bool:
        return look.awaits_baseline if arm.is_baseline else arm.name not in self._stops

    def _take_decisions(self) -> None:
        """Works out which looks are still to be decided, and what is missing at each of them."""
        self._void = False
        self._stops = {stop.arm: stop for stop in stops_of(self.decisions.values())}
        self._stops.pop(self.expansion.baseline.name, None)
        last = max((decision.images for decision in self.decisions.values()), default=0)
        self._pending = [look for look in self._looks if look.name not in self.decisions and look.images >= last]
        self._open = {
            look.name: sum(
                look.images in wants.missing and self._awaited(look, wants.trial.arm) for wants in self._wants.values()
            )
            for look in self._pending
        }

    def _limit(self, arm: Arm) -> float:
        """The last milestone at which an arm is wanted."""
        if arm.is_baseline:
            return math.inf
        if arm.name in self._stops:
            return math.inf if self._stops[arm.name].audited else self._stops[arm.name].images
        return self._pending[0].images if self._pending else math.inf

    def _weigh(self, name: str, next_before: int | None = None) -> None:
        """Works out how much of what a trial misses is wanted now."""
        wants = self._wants[name]
        limit = self._limit(wants.trial.arm)
        count = sum(images <= limit for images in wants.missing)
        self._left += count - wants.count
        wants.count = count
        if wants.next != next_before:
            self._changed[name] = None
