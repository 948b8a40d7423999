"""A study's stopping policy around tuned arms: it asks what each got, and compares like with like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from dit_core.identity import digest
from search_spaces.tuned import QUESTION
from search_spaces.tuning import TuneSpec
from search_spaces.types import Expansion
from service.policies.base import Policy
from service.policies.contract import Decisions, Proposals
from service.policies.grouped import GroupedPolicy
from service.records.proposals import Question, short
from service.records.results import Results
from service.tuning.groups import groups


class TunedPolicy(GroupedPolicy):
    """Asks for every arm with the values that were chosen for it, and leaves it to the study's policy who is continued.

    What is asked for was measured in the study that tunes (``search_spaces.tuning.tuning_study``), which runs first.

    Args:
        stopping: the study's stopping policy.
        tune: how arms are tuned.
    """

    name: ClassVar[str] = "tuned"

    def __init__(self, stopping: Policy, tune: TuneSpec) -> None:
        super().__init__(stopping, "among arms as they are, and among tuned arms")
        self.tune = tune

    @property
    def digest(self) -> str:
        """Identifies the tuning and the stopping policy, as 64 hex digits."""
        return digest({"policy": self.stopping.digest, "tune": self._tuning})

    @property
    def recorded_options(self) -> dict[str, Any]:
        """What records say of it: the stopping policy, its options, and the tuning."""
        return {"policy": self.stopping.name, **self.stopping.recorded_options, "tune": self._tuning}

    def groups(self, expansion: Expansion) -> Mapping[str, Expansion]:
        """Returns group -> the study as if it had the arms of this group only."""
        return groups(expansion)

    def questions(
        self, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals
    ) -> tuple[Question, ...]:
        """Returns a question per arm, as far as it was not answered."""
        asked = {arm.name: f"{QUESTION}-{short(arm.name)}" for arm in expansion.asked}
        return tuple(
            Question(name, 1, f"{arm} with the values that are best for it", digest({"tune": self._tuning, "arm": arm}))
            for arm, name in asked.items()
            if name not in proposals
        )

    @property
    def _tuning(self) -> dict[str, Any]:
        return self.tune.model_dump(mode="json")
