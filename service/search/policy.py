"""A study's stopping policy inside its search: it asks for the next generation once the last one is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from dit_core.identity import digest
from search_spaces.search_space import SearchSpec
from search_spaces.types import Expansion
from service.policies.base import Policy
from service.policies.contract import Decisions, Proposals, unresolved
from service.policies.grouped import GroupedPolicy
from service.records.decisions import stops_of
from service.records.proposals import Question
from service.records.results import Results
from service.search.groups import groups
from service.search.history import generations, identity, prefixes, sizes, told_digest


class Searching(GroupedPolicy):
    """Asks for arms, whole generations at a time, and leaves it to the study's policy which of them are continued.

    The next generation is asked for once every arm of those before is measured at the budget, stopped, diverged or
    given up. So what it is asked with does not depend on the order in which results arrive. What does not learn from
    results is asked for everything at once. An answer without a proposal ends the search.

    Args:
        stopping: the study's stopping policy.
        search: the search.
    """

    name: ClassVar[str] = "search"

    def __init__(self, stopping: Policy, search: SearchSpec) -> None:
        super().__init__(stopping, "within each generation of the search")
        self.search = search

    @property
    def digest(self) -> str:
        """Identifies the search and the stopping policy, as 64 hex digits; how many trials there are is no part."""
        return digest({"policy": self.stopping.digest, "search": identity(self.search)})

    @property
    def recorded_options(self) -> dict[str, Any]:
        """What records say of it: the stopping policy, its options, and the search."""
        return {"policy": self.stopping.name, **self.stopping.recorded_options, "search": identity(self.search)}

    def groups(self, expansion: Expansion) -> Mapping[str, Expansion]:
        """Returns group -> the study as if it had the arms of this group only."""
        return groups(expansion)

    def questions(
        self, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals
    ) -> tuple[Question, ...]:
        """Returns the question for the next generation; it is ready once what it is asked with is known."""
        found = (
            self._question(prefix, arm, expansion, results, decisions, proposals)
            for prefix, arm in prefixes(self.search, expansion).items()
        )
        return tuple(question for question in found if question is not None)

    def _question(
        self,
        prefix: str,
        arm: str,
        expansion: Expansion,
        results: Results,
        decisions: Decisions,
        proposals: Proposals,
    ) -> Question | None:
        """The question for the next generation around an arm; None where there is none."""
        answered = sizes(proposals, prefix)
        given = sum(answered)
        if given >= self.search.trials or (answered and not answered[-1]):
            return None
        left, metric = self.search.trials - given, expansion.study.primary_metric
        size = min(self.search.generation, left) if self.search.learns else left
        known = not self.search.learns or self._resolved(arm, expansion, results, decisions)
        told = generations(self.search, metric, expansion, results, proposals, prefix) if known else ()
        number = len(answered) + 1
        about = f" around {arm}" if arm else ""
        purpose = f"generation {number} of the search{about}, {size} arms by {self.search.algorithm}"
        asked_with = told_digest(self.search, told if self.search.learns else (), arm) if known else ""
        return Question(f"{prefix}-{number}", size, purpose, asked_with)

    def _resolved(self, around: str, expansion: Expansion, results: Results, decisions: Decisions) -> bool:
        """Whether nothing of what was proposed around an arm can still bring a result."""
        stops = {stop.arm: stop.images for stop in stops_of(decisions.values()) if stop.ends_early}
        view = next((view for view in expansion.ablations if view.action == "PROPOSE"), None)
        rows = () if view is None else view.arms[1:]
        own = [arm for label, arm in rows if view is not None and view.around.get(label, "") == around]
        if view is not None and not around:
            own.append(view.arms[0][1])
        return not any(
            unresolved(results[trial.name], images)
            for arm in dict.fromkeys(own)
            for trial in expansion.trials_of[arm]
            for images in expansion.study.milestones
            if images <= stops.get(arm, images)
        )
