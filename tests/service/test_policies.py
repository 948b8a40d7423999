"""Stopping decisions depend on measurements alone: not on their order, not on what arrives later."""

from __future__ import annotations

import math
import random

import pytest
from small_studies import expansion, result

from dit_core.errors import UserError
from search_spaces.study import PolicySpec
from search_spaces.types import Expansion
from service.policies import POLICIES, create
from service.records.results import TrialResult


def arms(*names: str) -> dict[str, dict]:
    return {name: {} for name in names}


def by_arm(study: Expansion, values: dict[str, dict[int, float]]) -> dict[str, TrialResult]:
    """Every seed of an arm measures the same."""
    return {trial.name: result(trial, values.get(trial.arm.name, {})) for trial in study.trials}


def test_unknown_policy_and_option_name_the_nearest() -> None:
    with pytest.raises(UserError, match=r"policy\.name: unknown value 'rung'; allowed: none, rungs; did you mean"):
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
    plan = create(study.study.policy).plan(study, by_arm(study, {}))
    first = [(trial.name, 128) for trial in study.trials]
    assert [(trial.name, images) for trial, images in plan.wanted[: len(first)]] == first
    assert plan.stops == ()


def test_only_the_baseline_is_planned_past_an_undecided_rung() -> None:
    study = expansion(arms("a", "b"))
    plan = create(study.study.policy).plan(study, by_arm(study, {"a": {128: 1.0}}))
    assert {(trial.arm.name, images) for trial, images in plan.wanted} == {
        ("baseline", 128), ("baseline", 256), ("baseline", 384), ("b", 128),
    }  # fmt: skip


def test_the_worst_half_stops_at_each_rung_and_a_decision_is_immediate() -> None:
    study = expansion(arms("a", "b", "c", "d"))
    first = {"baseline": {128: 9.0}, "a": {128: 4.0}, "b": {128: 1.0}, "c": {128: 3.0}, "d": {128: 2.0}}
    plan = create(study.study.policy).plan(study, by_arm(study, first))
    assert [(stop.arm, stop.images, stop.rank, stop.compared) for stop in plan.stops] == [
        ("c", 128, 3, 4), ("a", 128, 4, 4),
    ]  # fmt: skip
    assert {trial.arm.name for trial, images in plan.wanted if images == 256} == {"baseline", "b", "d"}
    assert "ranks 3 of 4 at 128 images; the best 2 continue" in plan.stops[0].reason
    second = {name: {**values, 256: 1.0} for name, values in first.items() if name in ("baseline", "b", "d")}
    plan = create(study.study.policy).plan(study, by_arm(study, first | second))
    assert [stop.arm for stop in plan.stops] == ["c", "a", "d"], "a tie is lost by the later arm"
    assert {(trial.arm.name, images) for trial, images in plan.wanted} == {("baseline", 384), ("b", 384)}


def test_means_are_over_seeds() -> None:
    study = expansion(arms("a", "b"), rungs=(128,))
    values = {"a": (1.0, 9.0), "b": (4.0, 4.5)}
    results = {
        t.name: result(t, {128: values[t.arm.name][t.seed]} if t.arm.name in values else {}) for t in study.trials
    }
    (stop,) = create(study.study.policy).plan(study, results).stops
    assert (stop.arm, stop.value) == ("a", 5.0)


def test_rounding_keeps_the_odd_arm_and_never_stops_the_last() -> None:
    for count, fraction, expected in ((11, 0.5, 5), (1, 0.5, 0), (10, 0.3, 3), (7, 0.29, 2), (2, 0.99, 1), (3, 0.0, 0)):
        study = expansion(arms(*(f"arm{i}" for i in range(count))), policy={"name": "rungs", "stop_fraction": fraction})
        values = {arm.name: {128: float(i)} for i, arm in enumerate(study.arms)}
        assert len(create(study.study.policy).plan(study, by_arm(study, values)).stops) == expected, (count, fraction)


def test_grace_only_measures() -> None:
    study = expansion(arms("a", "b"), policy={"name": "rungs", "grace_images": 200})
    values = {"baseline": {}, "a": {128: 1.0}, "b": {128: 2.0}}
    plan = create(study.study.policy).plan(study, by_arm(study, values))
    assert plan.stops == ()
    assert ("b", 256) in {(trial.arm.name, images) for trial, images in plan.wanted}


@pytest.mark.parametrize("how", ["diverged", "nan"])
def test_a_bad_arm_ranks_last_and_is_stopped_even_alone(how: str) -> None:
    study = expansion(arms("bad"), seeds=(0, 1), rungs=(128,))
    results = by_arm(study, {"baseline": {128: 1.0}, "bad": {128: 0.5}})
    trial = study.trials[1]
    assert trial.name == "bad seed=0"
    results[trial.name] = result(trial, {}, diverged=96) if how == "diverged" else result(trial, {128: math.nan})
    plan = create(study.study.policy).plan(study, results)
    assert [(stop.arm, stop.value, stop.rank) for stop in plan.stops] == [("bad", math.inf, 1)]
    assert plan.stops[0].reason == "bad: 1 of 2 seeds diverged by 128 images"
    assert {trial.arm.name for trial, _ in plan.wanted} == {"baseline"}


def test_divergence_after_a_rung_does_not_count_there() -> None:
    study = expansion(arms("a", "b"), seeds=(0,), rungs=(128, 256))
    results = by_arm(study, {"baseline": {128: 1.0}, "b": {128: 2.0}})
    results["a seed=0"] = result(study.trials[1], {128: 1.0}, diverged=200)
    plan = create(study.study.policy).plan(study, results)
    assert [stop.arm for stop in plan.stops if stop.images == 128] == ["b"]
    # a diverged beyond the rung, so it is the only one compared at the next and has no future
    assert [(stop.arm, stop.images, stop.value) for stop in plan.stops[1:]] == [("a", 256, math.inf)]


def test_a_given_up_seed_is_left_out_and_not_continued() -> None:
    study = expansion(arms("a", "b"), seeds=(0, 1), rungs=(128,))
    results = by_arm(study, {"baseline": {128: 1.0}, "a": {128: 1.0}, "b": {128: 2.0}})
    trial = next(t for t in study.trials if t.name == "a seed=1")
    results[trial.name] = result(trial, {}, failed=True)
    plan = create(study.study.policy).plan(study, results)
    assert [stop.arm for stop in plan.stops] == ["b"]
    assert {t.name for t, _ in plan.wanted} == {"baseline seed=0", "baseline seed=1", "a seed=0"}


def random_case(generator: random.Random) -> tuple[Expansion, dict[str, TrialResult]]:
    """A study run to its end by a random world: the final results."""
    study = expansion(
        arms(*(f"arm{i}" for i in range(generator.randint(1, 7)))),
        seeds=tuple(range(generator.randint(1, 3))),
        rungs=tuple(sorted(generator.sample([64, 128, 192, 256, 320], generator.randint(0, 4)))),
        policy={
            "name": "rungs",
            "stop_fraction": generator.choice([0.0, 0.25, 0.5, 0.8]),
            "grace_images": generator.choice([0, 0, 128]),
        },
    )
    results = by_arm(study, {})
    policy = create(study.study.policy)
    while wanted := policy.plan(study, results).wanted:
        trial, images = generator.choice(first_of_each_trial(wanted))
        results[trial.name] = advance(generator, results[trial.name], images)
    return study, results


def first_of_each_trial(wanted):
    return list({trial.name: (trial, images) for trial, images in reversed(wanted)}.values())


def advance(generator: random.Random, before: TrialResult, images: int) -> TrialResult:
    values = {seen: metrics["fd_digits_cnn"].value for seen, metrics in before.evaluations.items()}
    fate = generator.random()
    if fate < 0.06:
        return result(before.trial, values, diverged=max([*values, 0]) + 32)
    if fate < 0.12:
        return result(before.trial, values, failed=True)
    # few distinct values, so that ties are common
    return result(before.trial, {**values, images: generator.choice([1.0, 2.0, 3.0, math.nan, math.inf])})


def earlier(generator: random.Random, final: TrialResult) -> TrialResult:
    """The same trial at some earlier moment."""
    seen = sorted(final.evaluations)
    keep = generator.randint(0, len(seen))
    values = {images: final.evaluations[images]["fd_digits_cnn"].value for images in seen[:keep]}
    if keep == len(seen) and generator.random() < 0.5:
        return final
    return result(final.trial, values)


@pytest.mark.parametrize("seed", range(150))
def test_order_changes_nothing_and_no_decision_is_undone(seed: int) -> None:
    generator = random.Random(seed)
    study, final = random_case(generator)
    policy = create(study.study.policy)
    plan = policy.plan(study, final)
    assert plan.wanted == (), "the world ran to its end"
    assert "baseline" not in {stop.arm for stop in plan.stops}
    assert len({stop.arm for stop in plan.stops}) == len(plan.stops), "an arm stops once"
    measured = {(name, images) for name, found in final.items() for images in found.evaluations}
    for _ in range(10):
        partial = {name: earlier(generator, found) for name, found in final.items()}
        names = list(partial)
        generator.shuffle(names)
        early = policy.plan(study, {name: partial[name] for name in names})
        assert early == policy.plan(study, partial), "the order of results changed the plan"
        assert plan.stops[: len(early.stops)] == early.stops, "a decision was undone or came out of turn"
        asked = {(trial.name, images) for trial, images in early.wanted}
        ended = {name for name, found in final.items() if found.diverged or found.failed}
        assert {item for item in asked if item[0] not in ended} <= measured, "asked for work that was not needed"
        for stop in early.stops:
            assert not any(trial.arm.name == stop.arm and images > stop.images for trial, images in early.wanted)


def test_any_order_of_work_ends_in_the_same_decisions() -> None:
    for seed in range(30):
        study, final = random_case(random.Random(seed))
        policy = create(study.study.policy)
        for order in range(3):
            generator = random.Random(order)
            results = by_arm(study, {})
            while wanted := policy.plan(study, results).wanted:
                trial, images = generator.choice(first_of_each_trial(wanted))
                full = final[trial.name]
                values = {i: m["fd_digits_cnn"].value for i, m in full.evaluations.items() if i <= images}
                done = images in full.evaluations
                results[trial.name] = result(trial, values) if done else full
            assert policy.plan(study, results).stops == policy.plan(study, final).stops
