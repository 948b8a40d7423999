"""The contract of a policy: a pure function from a study and what is known of it to what is worth having next."""

from __future__ import annotations

from abc import ABC
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from dit_core.identity import digest
from search_spaces.types import Arm, Expansion
from service.policies.contract import Decisions, Look, Plan, Proposals
from service.policies.look_planner import LookPlanner
from service.policies.planner import Planner, WholePlanner
from service.records.decisions import Stop
from service.records.proposals import Question
from service.records.results import Results


class Policy(ABC):
    """A stopping policy.

    Most policies decide by looks: they say at which points arms are compared (``looks``) and what a comparison
    comes to (``decide``); when a look is decided and what is wanted then is the same for all of them, see
    ``Planner``. A policy that works otherwise overrides ``plan``, and is asked for a whole plan after every result.

    Whatever it does, a policy sees records only, so that the live driver, a restarted driver and a simulator get the
    same answers. It must not depend on the order in which results arrived unless it says so (``order_free``), must
    never stop the baseline, must leave what was decided as it is, and must not continue a trial that diverged or was
    given up.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Raised when the rule changes: what was decided by the old rule is another policy's."""
    order_free: ClassVar[bool] = True
    """Whether the order in which results arrive changes nothing. A policy for which it does says so here, and whoever
    reads the study is told."""
    source: str | None = None
    """What tells the source of a policy from outside: with other code it is another policy."""
    comparison: ClassVar[str] = "nothing is compared before the budget"
    """How arms are compared while they run, for people: ends the sentence ``B images per trial; ...``."""

    class Options(BaseModel):
        """The policy's options, as written in the study file."""

        model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, options: BaseModel) -> None:
        self.options = options

    @property
    def digest(self) -> str:
        """Identifies the rule and its options, defaults included, as 64 hex digits."""
        source = {} if self.source is None else {"source": self.source}
        return digest({"name": self.name, "version": self.version, "options": self.recorded_options, **source})

    @property
    def audit(self) -> float:
        """The share of stopped arms that are finished all the same; see ``AuditOptions``."""
        return float(getattr(self.options, "audit", 0.0))

    @property
    def recorded_options(self) -> dict[str, Any]:
        """The options as records have them, defaults included; an audit of nothing is none, as before there was one."""
        options = self.options.model_dump(mode="json")
        return {name: value for name, value in options.items() if name != "audit" or value}

    def plan(self, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals) -> Plan:
        """Returns what is worth having next.

        A pure function: it changes nothing, and equal arguments give equal plans.

        Args:
            expansion: the study, with the arms proposed so far.
            results: what is known of every trial.
            decisions: what has been decided; it stands.
            proposals: the questions that have been answered.
        """
        return LookPlanner(self, expansion, results, decisions, proposals).plan

    def planner(self, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals) -> Planner:
        """Returns the same plan in a form that is kept up to date result by result."""
        kind: type[LookPlanner] | type[WholePlanner]
        kind = LookPlanner if type(self).plan is Policy.plan else WholePlanner
        return kind(self, expansion, results, decisions, proposals)

    # -- for policies that decide by looks ----------------------------------------------------------

    def looks(self, expansion: Expansion) -> tuple[Look, ...]:
        """Returns the points at which arms are compared, in the order in which they are decided."""
        return ()

    def decide(
        self, look: Look, arms: tuple[Arm, ...], expansion: Expansion, results: Results
    ) -> tuple[tuple[str, ...], tuple[Stop, ...]]:
        """Decides a look.

        Args:
            look: the look. Nothing is missing there that can still be had.
            arms: the arms that may be compared: neither the baseline nor stopped before, in the study's order.
            expansion: the study.
            results: what is known of every trial. Only what was measured up to the look may count, so that the
                order in which results arrive does not.

        Returns:
            Names of the arms compared, and those of them that are not continued.
        """
        raise NotImplementedError(f"policy {self.name} has looks and does not decide them")

    def questions(
        self, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals
    ) -> tuple[Question, ...]:
        """Returns the new arms to ask for, as far as ``proposals`` does not answer yet.

        A question must follow from what stays, decisions and answers, and keep its name: a driver that has just
        started knows no answer, asks again, and finds it recorded.
        """
        return ()
