"""The plan of a study whose arms are compared in groups: the plans of all groups, side by side."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces.types import Expansion
from service.policies.base import Policy
from service.policies.contract import Decisions, Plan, Proposals
from service.policies.none import RunEverything
from service.policies.planner import Planner
from service.records.decisions import Decision
from service.records.results import Results, TrialResult


class GroupPlanner(Planner):
    """Gives every group of arms a planner of its own, by the study's stopping policy.

    An arm may be in several, as the baseline is, which arms are compared with; what they want of it is wanted once.

    Args:
        policy: the policy that this is the planner of.
        stopping: the study's stopping policy.
        parts: group -> the study as if it had the arms of this group only.
        expansion: the study.
        results: what is known of every trial.
        decisions: what has been decided.
        proposals: the questions that have been answered.
    """

    def __init__(
        self,
        policy: Policy,
        stopping: Policy,
        parts: Mapping[str, Expansion],
        expansion: Expansion,
        results: Results,
        decisions: Decisions,
        proposals: Proposals,
    ) -> None:
        super().__init__(policy, expansion, results, decisions, proposals)
        self._parts: dict[str, Planner] = {}
        for group, part in parts.items():
            rule = stopping if len(part.arms) > 1 else RunEverything(RunEverything.Options())
            own = {trial.name: results[trial.name] for trial in part.trials}
            made = {
                name: replace_look(decision, name)
                for look, decision in decisions.items()
                for of, name in (inner(look),)
                if of == group
            }
            self._parts[group] = rule.planner(part, own, made, {})

    @property
    def plan(self) -> Plan:
        """The whole plan, the earliest milestone first and, at one milestone, in the study's order."""
        place = {trial.name: index for index, trial in enumerate(self.expansion.trials)}
        wanted = {(trial.name, images) for part in self._parts.values() for trial, images in part.plan.wanted}
        ordered = sorted(wanted, key=lambda item: (item[1], place[item[0]]))
        trials = tuple((self.expansion.trial(name), images) for name, images in ordered)
        return Plan(trials, self.due(), self.questions())

    @property
    def left(self) -> int:
        """Measurements wanted now."""
        return len({(trial.name, images) for part in self._parts.values() for trial, images in part.plan.wanted})

    def update(self, result: TrialResult) -> None:
        """Takes what is known of a trial now."""
        self.results[result.trial.name] = result
        for part in self._parts.values():
            if result.trial.name in part.results:
                part.update(result)

    def record(self, decision: Decision) -> None:
        """Takes a decision that stands."""
        self.decisions[decision.look] = decision
        group, name = inner(decision.look)
        if group in self._parts:
            self._parts[group].record(replace_look(decision, name))

    def due(self) -> tuple[Decision, ...]:
        """Returns the decisions that can be made now."""
        return tuple(
            replace_look(decision, outer(group, decision.look))
            for group, part in self._parts.items()
            for decision in part.due()
        )

    def next(self, trial: str) -> int | None:
        """Returns the images at which a trial is wanted next, None when it is not."""
        found = [part.next(trial) for part in self._parts.values() if trial in part.results]
        return min((images for images in found if images is not None), default=None)

    def take_changed(self) -> tuple[str, ...]:
        """Returns the trials whose ``next`` has changed since the last call; at first, all that are wanted."""
        return tuple(dict.fromkeys(name for part in self._parts.values() for name in part.take_changed()))


def replace_look(decision: Decision, name: str) -> Decision:
    """Returns a decision as that of another look."""
    return decision.model_copy(update={"look": name})


def outer(group: str, look: str) -> str:
    """Returns the name of a group's look in the study; the group without a name has the study's own."""
    return look if not group else f"{group}.{look}"


def inner(look: str) -> tuple[str, str]:
    """Returns the group of a study's look, and the look's name in it."""
    group, _, name = look.rpartition(".")
    return group, name
