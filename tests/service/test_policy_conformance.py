"""Every policy that is registered keeps the contract, in random worlds and with every kind of option."""

from __future__ import annotations

from typing import Any

import pytest
from growing_study import Grower

from service.conformance.policies import policy_conforms
from service.policies import POLICIES, Decisions, Plan, Proposals
from service.policies.rungs import Rungs

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "none": [{}],
    "futility": [{}, {"risk": 0.5, "finish_one": False}, {"risk": 0.01, "correlation": 0.95, "grace_images": 128}],
    "asha": [{}, {"eta": 4}],
    "hyperband": [{}, {"eta": 1.5}],
    "race": [{}, {"block": 1, "alpha": 0.5}],
    "brief-then-top-k": [{}, {"keep_fraction": 0.1, "rung": 2}],
    "rungs": [{}, {"stop_fraction": 0.0}, {"stop_fraction": 0.8}, {"stop_fraction": 0.25, "grace_images": 128}],
}


class AskedAsAWhole(Rungs):
    """The same rule in a policy that has a way of its own to plan, and is asked for a whole plan each time."""

    def plan(self, expansion, results, decisions: Decisions, proposals: Proposals) -> Plan:
        return super().plan(expansion, results, decisions, proposals)


class FirstComeFirstServed(Rungs):
    """What is not allowed: it compares the arms that happen to be there."""

    def plan(self, expansion, results, decisions: Decisions, proposals: Proposals) -> Plan:
        known = {name: result for name, result in results.items() if result.evaluations or result.trial.arm.is_baseline}
        arms = {result.trial.arm.name for result in known.values()}
        seen = type(expansion)(expansion.study, tuple(arm for arm in expansion.arms if arm.name in arms), ())
        early = super().plan(seen, {trial.name: results[trial.name] for trial in seen.trials}, decisions, proposals)
        whole = super().plan(expansion, results, decisions, proposals)
        return Plan(whole.wanted, early.decisions or whole.decisions)


class ForgetsItsQuestion(Grower):
    """What is not allowed: it asks by what is known now, and so does not find the answer when it starts again."""

    def questions(self, expansion, results, decisions: Decisions, proposals: Proposals):
        known = sum(len(result.evaluations) for result in results.values())
        asked = super().questions(expansion, results, decisions, proposals)
        return asked if known < 1.3 * len(results) else ()


class StopsAgain(Rungs):
    """What is not allowed: it wants a stopped arm again once the study is done."""

    def plan(self, expansion, results, decisions: Decisions, proposals: Proposals) -> Plan:
        found = super().plan(expansion, results, decisions, proposals)
        return found if found.wanted or found.decisions else super().plan(expansion, results, {}, proposals)


def test_every_policy_is_here() -> None:
    assert set(OPTIONS) == set(POLICIES.names())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("name", "options"), [(name, found) for name in OPTIONS for found in OPTIONS[name]])
def test_it_conforms(name: str, options: dict[str, Any], seed: int) -> None:
    policy_conforms(POLICIES.get(name), options, seed)


@pytest.mark.parametrize("kind", [AskedAsAWhole, Grower])
@pytest.mark.parametrize("seed", range(4))
def test_policies_with_a_plan_or_questions_of_their_own_conform(kind: type[Rungs], seed: int) -> None:
    policy_conforms(kind, {}, seed)


@pytest.mark.parametrize("kind", [FirstComeFirstServed, ForgetsItsQuestion, StopsAgain])
def test_the_suite_notices(kind: type[Rungs]) -> None:
    with pytest.raises(AssertionError):
        for seed in range(12):
            policy_conforms(kind, {}, seed)
