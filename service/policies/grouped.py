"""A study's stopping policy, applied to groups of arms each of which it sees as a study of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from search_spaces.types import Expansion
from service.policies.base import Policy
from service.policies.contract import Decisions, Look, Plan, Proposals
from service.policies.group_planner import GroupPlanner, outer
from service.policies.planner import Planner
from service.records.results import Results


class GroupedPolicy(Policy):
    """Leaves it to a stopping policy which arms of a group are continued; a subclass says what the groups are.

    Args:
        stopping: the study's stopping policy.
        comparison: among which arms is compared, before what the stopping policy says of itself.
    """

    def __init__(self, stopping: Policy, comparison: str) -> None:
        super().__init__(stopping.options)
        self.stopping = stopping
        self.order_free = stopping.order_free  # type: ignore[misc]
        self.comparison = f"{comparison}, {stopping.comparison}"  # type: ignore[misc]

    @abstractmethod
    def groups(self, expansion: Expansion) -> Mapping[str, Expansion]:
        """Returns group -> the study as if it had the arms of this group only."""

    def plan(self, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals) -> Plan:
        """Returns what is worth having next."""
        return self.planner(expansion, results, decisions, proposals).plan

    def planner(self, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals) -> Planner:
        """Returns the same plan in a form that is kept up to date result by result."""
        return GroupPlanner(self, self.stopping, self.groups(expansion), expansion, results, decisions, proposals)

    def looks(self, expansion: Expansion) -> tuple[Look, ...]:
        """Returns the looks of every group so far."""
        return tuple(
            Look(outer(group, look.name), look.images, look.awaits_baseline)
            for group, part in self.groups(expansion).items()
            if len(part.arms) > 1
            for look in self.stopping.looks(part)
        )
