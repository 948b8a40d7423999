"""Stopping decisions depend on measurements alone: not on their order, not on what arrives later."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import pytest
from small_studies import decided, expansion, result

from dit_core.errors import UserError
from search_spaces.study import PolicySpec
from search_spaces.types import Expansion
from service.conformance.policy_worlds import Driver, World, like
from service.policies import POLICIES, create
from service.policies.planner import foresee
from service.records.decisions import Decision
from service.records.results import TrialResult


def arms(*names: str) -> dict[str, dict]:
    return {name: {} for name in names}


def by_arm(study: Expansion, values: dict[str, dict[int, float]]) -> dict[str, TrialResult]:
    """Every seed of an arm measures the same."""
    return {trial.name: result(trial, values.get(trial.arm.name, {})) for trial in study.trials}


def test_unknown_policy_and_option_name_the_nearest() -> None:
    with pytest.raises(
        UserError, match=r"policy\.name: unknown value 'rung'; allowed: none, futility, rungs, .*; did you mean"
    ):
        create(PolicySpec(name="rung"))
    with pytest.raises(UserError, match=r"stop_fractoin: unknown field; .*did you mean 'stop_fraction'"):
        create(PolicySpec(name="rungs", options={"stop_fractoin": 0.3}))
    with pytest.raises(UserError, match=r"stop_fraction: .*less than 1, given 1\.0"):
        create(PolicySpec(name="rungs", options={"stop_fraction": 1.0}))
    with pytest.raises(UserError, match="policy none: stop_fraction: unknown field"):
        create(PolicySpec(name="none", options={"stop_fraction": 0.5}))


@pytest.mark.parametrize("name", POLICIES.names())
def test_first_plan_asks_for_the_first_rung_of_every_trial_first(name: str) -> None:
    study = expansion(arms("a", "b"), policy=name)
    plan, stops = decided(study, by_arm(study, {}))
    first = [(trial.name, 128) for trial in study.trials]
    assert [(trial.name, images) for trial, images in plan.wanted[: len(first)]] == first
    assert stops == ()


def test_only_the_baseline_is_planned_past_an_undecided_rung() -> None:
    study = expansion(arms("a", "b"))
    plan, _ = decided(study, by_arm(study, {"a": {128: 1.0}}))
    assert {(trial.arm.name, images) for trial, images in plan.wanted} == {
        ("baseline", 128), ("baseline", 256), ("baseline", 384), ("b", 128),
    }  # fmt: skip


def test_the_worst_half_stops_at_each_rung_and_a_decision_is_immediate() -> None:
    study = expansion(arms("a", "b", "c", "d"))
    first = {"baseline": {128: 9.0}, "a": {128: 4.0}, "b": {128: 1.0}, "c": {128: 3.0}, "d": {128: 2.0}}
    plan, stops = decided(study, by_arm(study, first))
    assert [(stop.arm, stop.images, stop.rank, stop.compared) for stop in stops] == [
        ("c", 128, 3, 4), ("a", 128, 4, 4),
    ]  # fmt: skip
    assert {trial.arm.name for trial, images in plan.wanted if images == 256} == {"baseline", "b", "d"}
    assert "ranks 3 of 4 at 128 images; the best 2 continue" in stops[0].reason
    second = {name: {**values, 256: 1.0} for name, values in first.items() if name in ("baseline", "b", "d")}
    plan, stops = decided(study, by_arm(study, first | second))
    assert [stop.arm for stop in stops] == ["c", "a", "d"], "a tie is lost by the later arm"
    assert {(trial.arm.name, images) for trial, images in plan.wanted} == {("baseline", 384), ("b", 384)}


def test_means_are_over_seeds() -> None:
    study = expansion(arms("a", "b"), rungs=(128,))
    values = {"a": (1.0, 9.0), "b": (4.0, 4.5)}
    results = {
        t.name: result(t, {128: values[t.arm.name][t.seed]} if t.arm.name in values else {}) for t in study.trials
    }
    (stop,) = decided(study, results)[1]
    assert (stop.arm, stop.value) == ("a", 5.0)


def test_rounding_keeps_the_odd_arm_and_never_stops_the_last() -> None:
    for count, fraction, expected in ((11, 0.5, 5), (1, 0.5, 0), (10, 0.3, 3), (7, 0.29, 2), (2, 0.99, 1), (3, 0.0, 0)):
        study = expansion(arms(*(f"arm{i}" for i in range(count))), policy={"name": "rungs", "stop_fraction": fraction})
        values = {arm.name: {128: float(i)} for i, arm in enumerate(study.arms)}
        assert len(decided(study, by_arm(study, values))[1]) == expected, (count, fraction)


def test_grace_only_measures() -> None:
    study = expansion(arms("a", "b"), policy={"name": "rungs", "grace_images": 200})
    values = {"baseline": {}, "a": {128: 1.0}, "b": {128: 2.0}}
    plan, stops = decided(study, by_arm(study, values))
    assert stops == ()
    assert ("b", 256) in {(trial.arm.name, images) for trial, images in plan.wanted}


@pytest.mark.parametrize("how", ["diverged", "nan"])
def test_a_bad_arm_ranks_last_and_is_stopped_even_alone(how: str) -> None:
    study = expansion(arms("bad"), seeds=(0, 1), rungs=(128,))
    results = by_arm(study, {"baseline": {128: 1.0}, "bad": {128: 0.5}})
    trial = study.trials[1]
    assert trial.name == "bad seed=0"
    results[trial.name] = result(trial, {}, diverged=96) if how == "diverged" else result(trial, {128: math.nan})
    plan, stops = decided(study, results)
    assert [(stop.arm, stop.value, stop.rank) for stop in stops] == [("bad", math.inf, 1)]
    assert stops[0].reason == "bad: 1 of 2 seeds diverged by 128 images"
    assert {trial.arm.name for trial, _ in plan.wanted} == {"baseline"}


def test_divergence_after_a_rung_does_not_count_there() -> None:
    study = expansion(arms("a", "b"), seeds=(0,), rungs=(128, 256))
    results = by_arm(study, {"baseline": {128: 1.0}, "b": {128: 2.0}})
    results["a seed=0"] = result(study.trials[1], {128: 1.0}, diverged=200)
    _, stops = decided(study, results)
    assert [stop.arm for stop in stops if stop.images == 128] == ["b"]
    # a diverged beyond the rung, so it is the only one compared at the next and has no future
    assert [(stop.arm, stop.images, stop.value) for stop in stops[1:]] == [("a", 256, math.inf)]


def test_a_given_up_seed_is_left_out_and_not_continued() -> None:
    study = expansion(arms("a", "b"), seeds=(0, 1), rungs=(128,))
    results = by_arm(study, {"baseline": {128: 1.0}, "a": {128: 1.0}, "b": {128: 2.0}})
    trial = next(t for t in study.trials if t.name == "a seed=1")
    results[trial.name] = result(trial, {}, failed=True)
    plan, stops = decided(study, results)
    assert [stop.arm for stop in stops] == ["b"]
    assert {t.name for t, _ in plan.wanted} == {"baseline seed=0", "baseline seed=1", "a seed=0"}


# -- decisions stand ------------------------------------------------------------------------------


def decisions_of(study: Expansion, results: Mapping[str, TrialResult]) -> dict[str, Decision]:
    planner = create(study.study.policy).planner(study, results, {}, {})
    return {decision.look: decision for decision in foresee(planner)}


def test_a_decision_says_what_it_saw() -> None:
    study = expansion(arms("a", "b"), rungs=(128,))
    values = {"baseline": {128: 9.0}, "a": {128: 1.0}, "b": {128: 2.0}}
    decision = decisions_of(study, by_arm(study, values))["128"]
    assert (decision.images, decision.compared, [stop.arm for stop in decision.stops]) == (128, ("a", "b"), ["b"])
    assert decision == decisions_of(study, by_arm(study, values | {"baseline": {128: 0.1}}))["128"], "not compared"
    other = decisions_of(study, by_arm(study, values | {"b": {128: 2.0000001}}))["128"]
    assert other.stops[0].reason == decision.stops[0].reason and other.saw != decision.saw


def test_work_that_needs_a_decision_waits_until_it_is_recorded() -> None:
    study = expansion(arms("a", "b"), rungs=(128,))
    results = by_arm(study, {"baseline": {128: 9.0}, "a": {128: 1.0}, "b": {128: 2.0}})
    policy = create(study.study.policy)
    plan = policy.plan(study, results, {}, {})
    assert [decision.look for decision in plan.decisions] == ["128"]
    assert {trial.arm.name for trial, _ in plan.wanted} == {"baseline"}
    after = policy.plan(study, results, {"128": plan.decisions[0]}, {})
    assert after.decisions == () and {trial.arm.name for trial, _ in after.wanted} == {"baseline", "a"}


def test_a_stopped_arms_new_seed_runs_up_to_its_look() -> None:
    study = expansion(arms("a", "b"), seeds=(0,))
    results = by_arm(study, {arm: {128: value} for arm, value in (("baseline", 9.0), ("a", 1.0), ("b", 2.0))})
    decisions = decisions_of(study, results)
    more = like(study, seeds=(1,))
    plan, stops = decided(more, {**by_arm(more, {}), **results}, decisions)
    assert [stop.arm for stop in stops] == ["b"]
    assert {images for trial, images in plan.wanted if trial.name == "b seed=1"} == {128}
    assert {images for trial, images in plan.wanted if trial.name == "a seed=1"} == {128, 256}, "256 is not decided yet"


def test_an_arm_that_comes_later_passes_the_looks_that_are_decided() -> None:
    study = expansion(arms("a", "b"), seeds=(0,))
    world = {arm: {128: value, 256: value} for arm, value in (("baseline", 9.0), ("a", 1.0), ("b", 2.0))}
    decisions = decisions_of(study, by_arm(study, world))
    assert set(decisions) == {"128", "256"}
    more = like(study, arms=("late",))
    plan, stops = decided(more, by_arm(more, world), decisions)
    assert {images for trial, images in plan.wanted if trial.arm.name == "late"} == {128, 256, 384}
    # decided at 128 only, it is compared at 256
    plan, stops = decided(more, by_arm(more, world | {"late": {128: 99.0, 256: 99.0}}), {"128": decisions["128"]})
    assert [(stop.arm, stop.images) for stop in stops] == [("b", 128), ("late", 256)]


def test_a_rung_before_a_decided_one_only_measures() -> None:
    study = expansion(arms("a", "b"), seeds=(0,), rungs=(256,))
    world = {arm: {64: 9 - value, 256: value} for arm, value in (("baseline", 9.0), ("a", 1.0), ("b", 2.0))}
    decisions = decisions_of(study, by_arm(study, world))
    more = expansion(arms("a", "b"), seeds=(0,), rungs=(64, 256))
    assert [(stop.arm, stop.images) for stop in decided(more, by_arm(more, world), decisions)[1]] == [("b", 256)]
    fewer = expansion(arms("a", "b"), seeds=(0,), rungs=())
    plan, stops = decided(fewer, by_arm(fewer, world), decisions)
    assert [stop.arm for stop in stops] == ["b"], "a decision stands without its rung"
    assert {trial.arm.name for trial, _ in plan.wanted} == {"baseline", "a"}


def test_options_and_rules_have_digests_of_their_own() -> None:
    specs = ("none", "rungs", {"name": "rungs", "stop_fraction": 0.25}, {"name": "rungs", "grace_images": 8})
    digests = [create(PolicySpec.model_validate(spec)).digest for spec in specs]
    assert len(set(digests)) == 4
    assert create(PolicySpec.model_validate({"name": "rungs", "stop_fraction": 0.5})).digest == digests[1]


@pytest.mark.slow
@pytest.mark.parametrize("change", ["seed", "failure"])
def test_neither_a_seed_nor_a_failure_changes_what_was_decided(change: str) -> None:
    """Studies of 12 arms and 3 looks; where decisions are not kept, they change in about half and a fifth of them."""
    kept, recomputed = changed_studies(change, 60)
    assert kept == 0
    assert recomputed >= (20 if change == "seed" else 5)


def changed_studies(change: str, worlds: int) -> tuple[int, int]:
    """In how many studies acted-on decisions change: with the decisions kept, and computed anew from all results."""
    kept = recomputed = 0
    for seed in range(worlds):
        seeds = (0, 1) if change == "seed" else (0, 1, 2)
        study = expansion(arms(*(f"arm{i}" for i in range(12))), seeds=seeds, rungs=(96, 192, 288))
        world = World(seed, trouble=0, smooth=True)
        driver = Driver(create(study.study.policy), study, world)
        if change == "failure":
            victim = random.Random(seed).choice([trial for trial in study.trials if not trial.arm.is_baseline])
            driver.results[victim.name] = result(victim, {}, failed=True)
        driver.run(random.Random(seed))
        grown = like(study, seeds=(2,)) if change == "seed" else study
        again = driver.again(grown).run(random.Random(seed))
        kept += {look: again.stopped[look] for look in driver.stopped} != driver.stopped
        anew = Driver(driver.policy, grown, world, dict(again.results)).run(random.Random(seed))
        recomputed += anew.stopped != driver.stopped
    return kept, recomputed
