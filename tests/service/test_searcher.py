"""The ledger and the searcher: what is handed out, in which order, and what becomes of results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ray.tune.search import Searcher
from small_studies import METRIC, expansion

from dit_core.events import Diverged, Evaluated, MetricResult
from service.engine.ledger import Ledger
from service.engine.searcher import PolicySearcher
from service.engine.segment import Segment
from service.engine.wire import DONE, FAILED, LOST, STOPPED, SegmentResult
from service.preflight import Prepared, prepare
from service.records.store import Store

ARMS = {"wide": {"model": {"hidden_size": 32}}, "patch_size=2": {"model": {"patch_size": 2}}}


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(expansion(ARMS, seeds=(0,)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def room() -> int:
    """More than anything here needs."""
    return 10


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another try comes at once."""
    for module in ("ledger", "attempts"):
        monkeypatch.setattr(f"service.engine.{module}.pause", lambda cause, attempt: 0.0)


def measure(store: Store, segment: Segment, value: float) -> None:
    event = Evaluated(segment.until, (MetricResult(METRIC, value),), b"", 0.0, 0.0)
    store.add_evaluation(segment.train_id, segment.trial_config(), event, segment.study)


def outcome(result: SegmentResult) -> dict[str, str]:
    return {"result": json.dumps(result.to_json())}


def test_the_searcher_follows_the_policy_to_its_end(prepared: Prepared, store: Store) -> None:
    ledger = Ledger(prepared, store)
    searcher = PolicySearcher(ledger, room)
    first = [searcher.suggest(f"t{i}") for i in range(4)]
    trials = [item["segment"]["trial"] for item in first[:3]]
    # at one rung the costliest first, so that all lanes have work until the rung's end
    assert trials == ["wide seed=0", "patch_size=2 seed=0", "baseline seed=0"]
    assert first[3] is None, "everything wanted is in flight: wait"
    for index, item in enumerate(first[:3]):
        segment = Segment(**item["segment"])
        assert segment.until == 128 and segment.study == "tiny"
        measure(store, segment, {"baseline": 1.0, "wide": 2.0}.get(segment.trial.split()[0], 3.0))
        searcher.on_trial_complete(f"t{index}", outcome(SegmentResult(DONE)))
    assert [stop.arm for stop in ledger.stops] == ["patch_size=2"]
    rounds = 0
    while (item := searcher.suggest("next")) != Searcher.FINISHED:
        assert item is not None
        segment = Segment(**item["segment"])
        assert segment.trial in ("baseline seed=0", "wide seed=0")
        measure(store, segment, 1.0)
        searcher.on_trial_complete("next", outcome(SegmentResult(DONE)))
        rounds += 1
    assert rounds == 4, "two arms, two milestones"
    assert ledger.finished and ledger.left == 0


def test_a_policy_that_waits_is_not_finished(prepared: Prepared, store: Store) -> None:
    searcher = PolicySearcher(Ledger(prepared, store), room)
    while searcher.suggest(object().__repr__()) is not None:
        pass
    assert searcher.suggest("again") is None


def test_failures_are_counted_recorded_and_given_up(prepared: Prepared, store: Store) -> None:
    ledger = Ledger(prepared, store, max_attempts=2)
    segment = ledger.next()
    ledger.settle(segment, SegmentResult(FAILED, error="ValueError: x", traceback="Traceback ..."))
    assert ledger.failed == {} and "attempt 1 of 2 failed: ValueError: x" in ledger.messages[-1]
    again = ledger.next()
    assert again == segment, "it is the most urgent one still"
    ledger.settle(again, SegmentResult(FAILED, error="ValueError: x"))
    assert ledger.failed == {segment.trial: "ValueError: x"}
    assert segment.trial not in {trial.name for trial, _ in ledger.plan.wanted}
    assert [record.attempt for record in store.failures("tiny")] == [1, 2]
    assert Ledger(prepared, store).next() == segment, "another run tries again"


def test_a_lost_lane_that_came_further_is_no_bad_sign(prepared: Prepared, store: Store) -> None:
    ledger = Ledger(prepared, store, max_attempts=2)
    for images in (32, 64, 96):
        segment = ledger.next()
        ledger.settle(segment, SegmentResult(LOST, error="the lane's workers died", images=images))
    assert ledger.failed == {}
    ledger.settle(ledger.next(), SegmentResult(LOST, error="the lane's workers died", images=96))
    assert set(ledger.failed) == {segment.trial}


def test_a_users_mistake_is_given_up_at_once(prepared: Prepared, store: Store) -> None:
    ledger = Ledger(prepared, store)
    segment = ledger.next()
    ledger.settle(segment, SegmentResult(FAILED, error="data.path: missing", retry=False))
    assert ledger.failed == {segment.trial: "data.path: missing"}


def test_done_without_a_measurement_is_a_failure_not_a_loop(prepared: Prepared, store: Store) -> None:
    ledger = Ledger(prepared, store, max_attempts=1)
    segment = ledger.next()
    ledger.settle(segment, SegmentResult(DONE))
    assert "without leaving its measurement" in ledger.failed[segment.trial]


def test_divergence_settles_a_segment(prepared: Prepared, store: Store) -> None:
    ledger = Ledger(prepared, store)
    segment = ledger.next()
    store.add_divergence(segment.train_id, Diverged(64, "the loss is nan"))
    ledger.settle(segment, SegmentResult(DONE, images=64))
    assert ledger.failed == {} and segment.trial not in {trial.name for trial, _ in ledger.plan.wanted}


def test_a_stopped_run_hands_nothing_out(prepared: Prepared, store: Store) -> None:
    ledger = Ledger(prepared, store)
    searcher = PolicySearcher(ledger, room)
    item = searcher.suggest("t0")
    ledger.stopping = True
    assert searcher.suggest("t1") is None, "one is still in flight"
    searcher.on_trial_complete("t0", outcome(SegmentResult(STOPPED)))
    assert searcher.suggest("t1") == Searcher.FINISHED
    assert item["segment"]["trial"] in {trial.name for trial, _ in ledger.plan.wanted}


def test_a_tune_trial_that_dies_loses_its_segment(prepared: Prepared, store: Store) -> None:
    ledger = Ledger(prepared, store)
    searcher = PolicySearcher(ledger, room)
    first = searcher.suggest("t0")
    searcher.on_trial_complete("t0", None, error=True)
    assert searcher.suggest("t1") == first


def test_one_writer_per_trial_folder(store: Store) -> None:
    same_weights = {"guided": {"evaluation": {"guidance_scale": 2.0}}}
    ledger = Ledger(prepare(expansion(same_weights, seeds=(0,))), store)
    first = ledger.next()
    assert ledger.next() is None, "the other arm's weights are being trained"
    measure(store, first, 1.0)
    ledger.settle(first, SegmentResult(DONE))
    assert ledger.next().train_id == first.train_id
