"""A policy's plan, kept up to date result by result, so that a result costs what it changes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from search_spaces.types import Expansion
from service.policies.contract import Decisions, Plan, Proposals
from service.records.decisions import Decision
from service.records.proposals import Question
from service.records.results import Results, TrialResult

if TYPE_CHECKING:
    from service.policies.base import Policy


class Planner(ABC):
    """What a policy makes of a study at this moment.

    A study that has grown by an arm gets a new planner.

    Attributes:
        expansion: the study.
        results: what is known of every trial.
        decisions: what has been decided.
        proposals: the questions that have been answered.
    """

    def __init__(
        self, policy: Policy, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals
    ) -> None:
        self.policy, self.expansion = policy, expansion
        self.results: dict[str, TrialResult] = dict(results)
        self.decisions: dict[str, Decision] = dict(decisions)
        self.proposals = dict(proposals)

    @property
    @abstractmethod
    def plan(self) -> Plan:
        """The whole plan, as ``Policy.plan`` returns it for the same arguments."""

    @property
    @abstractmethod
    def left(self) -> int:
        """Measurements wanted now."""

    @abstractmethod
    def update(self, result: TrialResult) -> None:
        """Takes what is known of a trial now."""

    @abstractmethod
    def record(self, decision: Decision) -> None:
        """Takes a decision that stands."""

    @abstractmethod
    def due(self) -> tuple[Decision, ...]:
        """Returns the decisions that can be made now."""

    @abstractmethod
    def next(self, trial: str) -> int | None:
        """Returns the images at which a trial is wanted next, None when it is not."""

    @abstractmethod
    def take_changed(self) -> tuple[str, ...]:
        """Returns the trials whose ``next`` has changed since the last call; at first, all that are wanted."""

    def questions(self) -> tuple[Question, ...]:
        """Returns the questions that are open now."""
        return self.policy.questions(self.expansion, self.results, self.decisions, self.proposals)


class WholePlanner(Planner):
    """The plan of a policy that has a way of its own: asked for as a whole after every change."""

    def __init__(
        self, policy: Policy, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals
    ) -> None:
        super().__init__(policy, expansion, results, decisions, proposals)
        self._plan: Plan | None = None
        self._next: dict[str, int] | None = None
        self._told: dict[str, int] = {}

    @property
    def plan(self) -> Plan:
        """The whole plan."""
        if self._plan is None:
            self._plan = self.policy.plan(self.expansion, self.results, self.decisions, self.proposals)
        return self._plan

    @property
    def left(self) -> int:
        """Measurements wanted now."""
        return len(self.plan.wanted)

    def update(self, result: TrialResult) -> None:
        """Takes what is known of a trial now."""
        self.results[result.trial.name] = result
        self._plan = self._next = None

    def record(self, decision: Decision) -> None:
        """Takes a decision that stands."""
        self.decisions[decision.look] = decision
        self._plan = self._next = None

    def due(self) -> tuple[Decision, ...]:
        """Returns the decisions that can be made now."""
        return self.plan.decisions

    def questions(self) -> tuple[Question, ...]:
        """Returns the questions that are open now."""
        return self.plan.questions

    def next(self, trial: str) -> int | None:
        """Returns the images at which a trial is wanted next, None when it is not."""
        return self._wanted_next().get(trial)

    def take_changed(self) -> tuple[str, ...]:
        """Returns the trials whose ``next`` has changed since the last call; at first, all that are wanted."""
        now = self._wanted_next()
        changed = tuple(name for name in {**self._told, **now} if self._told.get(name) != now.get(name))
        self._told = now
        return changed

    def _wanted_next(self) -> dict[str, int]:
        if self._next is None:
            self._next = {}
            for trial, images in self.plan.wanted:
                self._next[trial.name] = min(images, self._next.get(trial.name, images))
        return self._next


def foresee(planner: Planner) -> tuple[Decision, ...]:
    """Makes every decision that can be made now, without recording it, and returns them.

    This is what those do who only read, and what a simulator does.
    """
    made: list[Decision] = []
    while due := planner.due():
        for decision in due:
            planner.record(decision)
            made.append(decision)
    return tuple(made)
