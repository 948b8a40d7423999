"""Settling a segment costs what it changes, whatever the size of the study."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from counting import CountingStore
from small_studies import METRIC, expansion

from dit_core.config import TrialConfig
from dit_core.events import Diverged, Evaluated, MetricResult
from search_spaces.study import Study
from search_spaces.types import Expansion
from service.analysis.status import TrialStatus, trial_status, trial_statuses
from service.engine import course
from service.engine.ledger import Ledger
from service.engine.segment import Segment
from service.engine.wire import DONE, FAILED, SegmentResult
from service.policies import Policy, create
from service.preflight import Prepared
from service.records.results import TrialResult
from service.records.trial_claims import TrialClaims


def study_of(arms: int, seeds: int, **sections: dict) -> Prepared:
    """A study whose trials are known by made-up identities: arms that only evaluate share theirs."""
    changes = {f"arm{index}": {"evaluation": {"guidance_scale": 1.5 + index}} for index in range(arms - 1)}
    study = expansion(changes, seeds=tuple(range(seeds)), rungs=(128,), budget=256, **sections)
    return Prepared(study, create(study.study.policy), identities(study), {})


def identities(study: Expansion) -> dict[str, str]:
    return {trial.name: f"{index:064d}" for index, trial in enumerate(study.trials)}


def measure(store: CountingStore, segment: Segment, value: float) -> None:
    event = Evaluated(segment.until, (MetricResult(METRIC, value),), b"", 0.0, 0.0)
    store.add_evaluation(segment.train_id, segment.trial_config(), event, segment.study)


def count_calls(policy: Policy) -> Counter[str]:
    """Counts from now on what a policy is asked."""
    asked: Counter[str] = Counter()
    for name in ("plan", "planner", "looks", "decide", "questions"):
        call = getattr(policy, name)

        def counted(*arguments: Any, _call: Any = call, _name: str = name) -> Any:
            asked[_name] += 1
            return _call(*arguments)

        setattr(policy, name, counted)
    return asked


def settled(trials: int, folder: Path) -> Counter[tuple[tuple[str, int], ...]]:
    """Runs a study through its first rung; returns what a settling asked of the store and the policy -> how often."""
    prepared = study_of(trials // 10, 10)
    assert len(prepared.expansion.trials) == trials
    store = CountingStore(folder)
    ledger = Ledger(prepared, store)
    asked = count_calls(prepared.policy)
    seen: Counter[tuple[tuple[str, int], ...]] = Counter()
    for index in range(trials):
        segment = ledger.next()
        assert segment is not None and segment.until == 128
        measure(store, segment, float(index))
        store.count()
        asked.clear()
        ledger.settle(segment, SegmentResult(DONE))
        seen[tuple(sorted({**store.count(), **asked}.items()))] += 1
    assert len(ledger.stops) == (trials // 10 - 1) // 2
    return seen


@pytest.mark.slow
def test_records_read_and_written_do_not_grow_with_the_study(tmp_path: Path) -> None:
    small, large = settled(100, tmp_path / "small"), settled(1000, tmp_path / "large")
    assert set(small) == set(large), "the same reads and writes, ten times as many trials"
    (usual, times), (deciding, once) = large.most_common()
    assert (times, once) == (999, 1)
    assert dict(usual)["trials"] == 1 and dict(usual).get("put", 0) == 0
    assert "decide" not in dict(usual) and "plan" not in dict(usual) and dict(deciding)["decide"] == 1
    assert dict(deciding)["trials"] == 1 and dict(deciding)["put"] == 2, "the decision, and the plan it belongs to"
    assert sum(number for _, number in deciding) <= sum(number for _, number in usual) + 4


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["none", "futility"])
def test_no_policy_makes_handing_out_and_settling_grow_with_the_study(tmp_path: Path, policy: str) -> None:
    small, large = (handled(trials, tmp_path / str(trials), policy) for trials in (100, 300))
    assert small and set(small) == set(large), "the same calls, three times as many trials"
    assert large.total() == 3 * small.total() == 2 * 300, "to the rung, and to the budget"
    for calls, times in large.items():
        asked = dict(calls)
        first = "put" in asked  # what its networks count is recorded before the first segment
        assert asked["trials"] == 1 and asked["get"] <= 3 + first and (not first or times == 1)
        if {"plan", "decide", "looks", "planner"} & set(asked):
            assert times == 1 and policy != "none", "the policy is asked where a look is decided"


def handled(trials: int, folder: Path, policy: str) -> Counter[tuple[tuple[str, int], ...]]:
    """Runs a study to its end; returns what handing out and settling a segment asked together -> how often."""
    prepared = study_of(trials // 10, 10, policy=policy)
    store = CountingStore(folder)
    ledger = Ledger(prepared, store)
    asked = count_calls(prepared.policy)
    seen: Counter[tuple[tuple[str, int], ...]] = Counter()
    store.count()
    while (segment := ledger.next()) is not None:
        calls = Counter(store.count())
        measure(store, segment, 1.0 + 0.01 * (seen.total() % 7))
        store.count()
        ledger.settle(segment, SegmentResult(DONE))
        calls += Counter(store.count()) + asked
        asked.clear()
        seen[tuple(sorted(calls.items()))] += 1
        asked.clear()
    assert ledger.finished
    return seen


def test_trials_that_share_weights_are_not_read_for_one_another(tmp_path: Path) -> None:
    prepared = study_of(30, 1)
    prepared = Prepared(prepared.expansion, prepared.policy, dict.fromkeys(prepared.train_ids, "a" * 64), {})
    store = CountingStore(tmp_path)
    ledger = Ledger(prepared, store)
    first = ledger.next()
    assert ledger.next() is None, "one writer"
    measure(store, first, 1.0)
    store.count()
    ledger.settle(first, SegmentResult(DONE))
    assert store.count()["trials"] == 1
    # that the weights diverged concerns all of them, and needs no reading either
    second = ledger.next()
    store.add_divergence(second.train_id, Diverged(64, "the loss is nan"))
    store.count()
    ledger.settle(second, SegmentResult(DONE))
    assert store.count()["trials"] == 1
    assert {str(status.state) for status in ledger.statuses()} == {"diverged"}
    assert ledger.finished


def test_arms_that_measure_the_same_learn_of_each_others_measurements(tmp_path: Path) -> None:
    """Two arms may differ in what has no effect, such as where guidance acts when there is none."""
    study = expansion({"same": {"evaluation": {"grid_images": 20}}}, seeds=(0,), rungs=())
    prepared = Prepared(study, create(study.study.policy), dict.fromkeys(identities(study), "a" * 64), {})
    store = CountingStore(tmp_path)
    ledger = Ledger(prepared, store)
    segment = ledger.next()
    measure(store, segment, 1.0)
    ledger.settle(segment, SegmentResult(DONE))
    assert {str(status.state) for status in ledger.statuses()} == {"completed"} and ledger.finished


def test_a_failed_attempt_is_handed_out_again_and_statuses_follow(tmp_path: Path) -> None:
    prepared = study_of(2, 1)
    ledger = Ledger(prepared, CountingStore(tmp_path), max_attempts=2)
    segment = ledger.next()
    assert [str(s.state) for s in ledger.statuses(frozenset({segment.trial}))].count("running") == 1
    ledger.settle(segment, SegmentResult(FAILED, error="ValueError: x"))
    assert ledger.left == 3, "the baseline goes on past the rung, the arm waits for it"
    again = ledger.next()
    assert again == segment
    ledger.settle(again, SegmentResult(FAILED, error="ValueError: x"))
    assert [str(s.state) for s in ledger.statuses() if s.trial.name == segment.trial] == ["failed"]


def test_a_look_works_out_what_has_changed_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = study_of(4, 2, policy="futility")
    store = CountingStore(tmp_path)
    ledger = Ledger(prepared, store)
    asked: list[str] = []

    def counted(study: Study, result: TrialResult, *more: Any) -> TrialStatus:
        asked.append(result.trial.name)
        return trial_status(study, result, *more)

    monkeypatch.setattr(course, "trial_status", counted)
    flying: list[Segment] = []
    while not ledger.finished:
        while len(flying) < 3 and (segment := ledger.next()) is not None:
            flying.append(segment)
        running = frozenset(segment.trial for segment in flying)
        told = ledger.statuses(running)
        asked.clear()
        assert ledger.statuses(running) == told and not asked, "nothing has happened since"
        assert told == trial_statuses(ledger.study, ledger.results, ledger.stops, running)
        segment, stops = flying.pop(0), len(ledger.stops)
        measure(store, segment, 1.0 + flying[0].until if flying else 1.0)
        ledger.settle(segment, SegmentResult(DONE))
        assert stops != len(ledger.stops) or asked == [segment.trial]
        left = running - {segment.trial}
        assert ledger.statuses(left) == trial_statuses(ledger.study, ledger.results, ledger.stops, left)


def test_what_the_seeds_of_an_arm_share_is_written_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = study_of(2, 3)
    ledger = Ledger(prepared, CountingStore(tmp_path))
    dump, asked = TrialConfig.model_dump, []
    monkeypatch.setattr(TrialConfig, "model_dump", lambda own, **how: asked.append(own) or dump(own, **how))
    segments = [segment for _ in range(6) if (segment := ledger.next()) is not None]
    assert (len(segments), len(asked)) == (6, 2)
    for segment in segments:
        assert segment.config == dump(prepared.expansion.trial(segment.trial).config, mode="json")


def test_a_first_claim_looks_once_for_others(tmp_path: Path) -> None:
    store = CountingStore(tmp_path)
    claims = TrialClaims(store.records, "study", 1)
    store.count()
    assert claims.take("a") is None
    assert store.count() == {"get": 1, "list": 1, "put": 1}
    claims.release("a")
    assert store.count() == {"put": 1}
