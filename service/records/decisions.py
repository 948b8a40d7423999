"""What a stopping policy has decided: recorded once, before it is acted on, and never decided again.

Layout::

    studies/<study>/decisions/<plan>-<policy>.json          under which plan and policy (for people)
    studies/<study>/decisions/<plan>-<policy>/<look>.json   one decision

``<plan>`` and ``<policy>`` are the first 16 hex digits of the analysis plan's digest and of the digest of the policy's
name and options.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from service.records.envelope import Record
from service.records.records import Records


@dataclass(frozen=True)
class Stop:
    """An arm that is not continued past a look.

    Attributes:
        arm: the arm's name.
        images: the look, in images seen.
        value: the arm's mean of the primary metric there, over seeds; infinite when a seed diverged.
        rank: its rank among the arms compared, 1 is best.
        compared: how many arms were compared (the baseline is not among them).
        reason: one sentence for people.
        seeds: the seeds that the arm gets, where a policy gives it no more of them; empty where it gets all. An arm
            that ran to the budget with these is not stopped early but settled.
        audited: whether it was drawn to run to the budget all the same, so that one learns how often the policy is
            wrong. It is compared no more.
    """

    arm: str
    images: int
    value: float
    rank: int
    compared: int
    reason: str
    seeds: tuple[int, ...] = ()
    audited: bool = False

    @property
    def ends_early(self) -> bool:
        """Whether the arm's trials end at the look, below the budget; not where it was only settled, or is audited."""
        return not (self.seeds or self.audited)


@dataclass(frozen=True)
class Claim:
    """A comparison that was decided.

    Attributes:
        contrast: what was compared; see ``Contrast.name``.
        difference: the estimated difference, of logarithms where every value of the metric was positive.
        p: its two-sided p, corrected for all that was compared at that look.
    """

    contrast: str
    difference: float
    p: float


class Decision(Record):
    """What was decided at a look.

    Attributes:
        look: the look's name, e.g. ``12800``.
        images: the look, in images seen.
        compared: names of the arms that were compared, in the study's order.
        stops: the arms that are not continued.
        saw: digest of the values that it was computed from.
        earlier: the stops that stood when it was made. So they stand where the record of an earlier look is lost.
        claims: the comparisons that are decided by then, at this look or before, where a policy decides any.
    """

    kind: ClassVar[str] = "decision"

    look: str
    images: int
    compared: tuple[str, ...]
    stops: tuple[Stop, ...]
    saw: str
    earlier: tuple[Stop, ...] = ()
    claims: tuple[Claim, ...] = ()


class PlanOpened(Record):
    """Under which plan and policy the decisions of a folder were made.

    Attributes:
        analysis_plan: digest of the analysis plan, 64 hex digits.
        primary_metric: the metric that arms are compared on.
        baseline: the baseline's configuration.
        policy: the policy's name.
        options: its options.
        confirmatory: the questions that the study named; empty: all of them.
        equivalence_margin: share of a value that does not matter, if the study named one.
        compare_at: what is equal where arms are compared.
    """

    kind: ClassVar[str] = "decision-plan"

    analysis_plan: str
    primary_metric: str
    baseline: dict[str, Any]
    policy: str
    options: dict[str, Any]
    confirmatory: tuple[str, ...] = ()
    equivalence_margin: float | None = None
    compare_at: str = "images"

    @property
    def text(self) -> str:
        """The policy, the metric and what was named beforehand, for people."""
        options = ", ".join(f"{name} {_shown(value)}" for name, value in self.options.items())
        text = f"policy {self.policy}{f' ({options})' if options else ''}, compared on {self.primary_metric}"
        text += f", confirmatory: {', '.join(self.confirmatory)}" if self.confirmatory else ""
        text += f", margin {self.equivalence_margin:g}" if self.equivalence_margin is not None else ""
        return text + (f", at equal {self.compare_at}" if self.compare_at != "images" else "")


def _shown(value: Any) -> str:
    """An option as a study file has it."""
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True)
class OtherPlan:
    """What was decided in this study under another plan or policy; it is not acted on any more.

    Attributes:
        opened: the plan and the policy.
        decisions: what was decided, by images.
    """

    opened: PlanOpened
    decisions: tuple[Decision, ...]

    @property
    def text(self) -> str:
        """One sentence for people: under what it was decided, and what was stopped."""
        stops = [f"{stop.arm} at {stop.images:,} images" for stop in stops_of(self.decisions)]
        said = f"{', '.join(stops)}; here that has no effect" if stops else "nothing"
        return f"A run of this study under another plan ({self.opened.text}) stopped {said}."


def stops_of(decisions: Iterable[Decision]) -> tuple[Stop, ...]:
    """Returns every arm's first stop, in the order of the looks."""
    found: dict[str, Stop] = {}
    for decision in in_order(decisions):
        for stop in (*decision.earlier, *decision.stops):
            found.setdefault(stop.arm, stop)
    return tuple(found.values())


def claims_of(decisions: Iterable[Decision]) -> dict[str, Claim]:
    """Returns name of a contrast -> what was claimed of it."""
    return {claim.contrast: claim for decision in decisions for claim in decision.claims}


def in_order(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Returns decisions in the order of their looks."""
    return tuple(sorted(decisions, key=lambda decision: (decision.images, decision.look)))


class DecisionBook:
    """The decisions of one study under one plan and policy.

    Args:
        records: where records lie.
        study: the study's name.
        opened: the plan and the policy.
        policy_digest: identifies the policy with its options.
    """

    def __init__(self, records: Records, study: str, opened: PlanOpened, policy_digest: str) -> None:
        self._records, self._opened = records, opened
        self._folder = f"studies/{study}/decisions/"
        self.scope = f"{opened.analysis_plan[:16]}-{policy_digest[:16]}"

    def put(self, decision: Decision) -> Decision:
        """Records a decision and returns the one that stands: that of whoever decided first.

        Raises:
            OSError: it cannot be written.
        """
        self._records.put(f"{self._folder}{self.scope}.json", self._opened)
        return self._records.put(self._key(self.scope, decision.look), decision).content

    def recorded(self, looks: Iterable[str]) -> dict[str, Decision]:
        """Returns look -> decision: at ``looks``, found by their keys, and at looks that the study has no more."""
        listed = (_stem(key) for key in self._records.list(f"{self._folder}{self.scope}/"))
        found = ((look, self._get(self.scope, look)) for look in dict.fromkeys((*looks, *listed)))
        return {look: decision for look, decision in found if decision is not None}

    def elsewhere(self) -> tuple[OtherPlan, ...]:
        """Returns what was decided in this study under other plans and policies."""
        others = []
        for key in self._records.list(self._folder):
            scope = _stem(key)
            opened = self._records.once(key, PlanOpened) if scope != self.scope else None
            if opened is None:
                continue
            looks = (_stem(name) for name in self._records.list(f"{self._folder}{scope}/"))
            found = (self._get(scope, look) for look in looks)
            others.append(OtherPlan(opened.content, in_order(item for item in found if item is not None)))
        return tuple(others)

    def _get(self, scope: str, look: str) -> Decision | None:
        found = self._records.once(self._key(scope, look), Decision)  # a damaged one is made again, beside it
        return None if found is None else found.content

    def _key(self, scope: str, look: str) -> str:
        return f"{self._folder}{scope}/{look}.json"


def check_name(name: str) -> str:
    """Returns the name of a look or a question, which becomes part of a key.

    Raises:
        ValueError: it has characters that a key cannot have.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError(f"{name!r} is no name for a record; use letters, digits, '.', '_' and '-'")
    return name


def _stem(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".json")
