"""A cap is kept, what is most informative comes first, and what is missing is named and never shown as finished."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_studies import METRIC, expansion
from tiny_study import dit_ablate, study_data, write_study

from dit_core.errors import UserError
from dit_core.events import Evaluated, MetricResult
from search_spaces.load import study_from_data
from service import Client
from service.cost.budget import Budget
from service.cost.estimate import estimate
from service.cost.limits import Limit
from service.cost.remaining import all_of
from service.engine.ledger import Ledger
from service.engine.segment import Segment
from service.engine.wire import DONE, SegmentResult
from service.preflight import Prepared, prepare
from service.records.store import Store

ARMS = {"wide": {"model": {"hidden_size": 32}}, "patch_size=2": {"model": {"patch_size": 2}}}


def capped(hours: float | None, policy: Any = "none", seeds: tuple[int, ...] = (0, 1, 2)) -> Prepared:
    found = expansion(ARMS, seeds=seeds, policy=policy)
    resources = found.study.resources.model_copy(update={"max_device_hours": hours})
    return prepare(replace(found, study=found.study.model_copy(update={"resources": resources})))


@pytest.fixture(scope="module")
def full() -> float:
    """Device seconds of the whole study, as they are estimated."""
    return estimate(capped(None).expansion).whole.total.middle


def play(ledger: Ledger, store: Store, prepared: Prepared, lanes: int = 1) -> list[Segment]:
    """Runs a study as if every segment took what is expected; nothing is trained."""
    rates = estimate(prepared.expansion).rates
    done: list[Segment] = []
    spent = 0.0
    while not ledger.finished:
        taken = [segment for _ in range(lanes) if (segment := ledger.next()) is not None]
        if not taken:
            break
        for segment in taken:
            spent += rates[prepared.expansion.trial(segment.trial).arm.name].spent(128, 1).middle
            ledger.spend(spent)
            value = 1.0 + 0.1 * len(done)
            event = Evaluated(segment.until, (MetricResult(METRIC, value),), b"", 0.0, 0.0)
            store.add_evaluation(segment.train_id, segment.trial_config(), event, segment.study)
            ledger.settle(segment, SegmentResult(DONE))
            done.append(segment)
    return done


def test_every_arm_has_a_seed_before_any_has_the_next(tmp_path: Path, full: float) -> None:
    prepared = capped(full * 0.7 / 3600)
    ledger = Ledger(prepared, store := Store(tmp_path))
    done = play(ledger, store, prepared)
    seeds = [prepared.expansion.trial(segment.trial).seed for segment in done]
    assert seeds == sorted(seeds) and set(seeds) == {0, 1, 2}
    for seed in (0, 1):
        own = [segment.trial for segment in done if segment.trial.endswith(f"seed={seed}")]
        assert len(own) == 9 and own[:3] == [f"baseline seed={seed}"] * 3, "the baseline first, to the budget"
    spent = sum(estimate(prepared.expansion).rates[s.trial.split()[0]].spent(128, 1).middle for s in done)
    assert spent <= full * 0.7
    assert ledger.capped and all(name.endswith("seed=2") for name in ledger.capped)
    states = {status.trial.name: str(status.state) for status in ledger.statuses()}
    assert all(states[name] == "pending" for name in ledger.capped), "missing is neither finished nor failed"


def test_looks_are_decided_over_the_seeds_that_are_paid_for(tmp_path: Path, full: float) -> None:
    prepared = capped(full * 0.4 / 3600, policy="rungs")
    ledger = Ledger(prepared, store := Store(tmp_path))
    done = play(ledger, store, prepared)
    first = [segment for segment in done if segment.trial.endswith("seed=0")]
    assert ledger.stops, "the look at the first rung did not wait for seeds that are not paid for"
    assert {s.trial for s in first if s.until == 384} >= {"baseline seed=0"}
    assert len([s for s in done if s.trial == "baseline seed=0"]) == 3


def looks_of(store: Store) -> set[str]:
    return {path.stem for path in store.path.glob("studies/tiny/decisions/*/seeds-*.json")}


def test_no_look_is_decided_on_half_of_its_seeds(tmp_path: Path, full: float) -> None:
    """A race looks after every second seed; a look that a cap has cut short would spend its level for nothing."""
    race = {"name": "race", "block": 2}
    prepared, store = capped(full * 2 * 0.55 / 3600, policy=race, seeds=tuple(range(6))), Store(tmp_path)
    ledger = Ledger(prepared, store)
    done = play(ledger, store, prepared)
    seeds = {prepared.expansion.trial(segment.trial).seed for segment in done}
    assert seeds == {0, 1, 2, 3} and looks_of(store) == {"seeds-2"}
    assert any(name.endswith("seed=3") for name in ledger.capped)
    more = capped(full * 9 / 3600, policy=race, seeds=tuple(range(6)))
    play(raised := Ledger(more, store), store, more)
    assert not raised.capped and "seeds-4" in looks_of(store)


def test_what_stopped_arms_leave_pays_for_the_next_seed(tmp_path: Path, full: float) -> None:
    prepared = capped(full * 0.99 / 3600, policy="rungs")
    ledger = Ledger(prepared, store := Store(tmp_path))
    play(ledger, store, prepared)
    assert ledger.stops and ledger.finished and not ledger.capped
    again = Ledger(prepared, store)
    assert again.stops == ledger.stops and again.finished and not again.capped, "stopped arms lack nothing"


def test_estimates_are_corrected_by_what_work_has_taken(full: float) -> None:
    prepared = capped(None)
    limit = Limit(full * 0.7, "a cap")
    budget = Budget(prepared.expansion, estimate(prepared.expansion).rates, limit, before=0.0)
    work, trial = all_of(prepared.expansion), prepared.expansion.trials[0]
    assert budget.seeds_that_fit(work) == 2 and budget.expected(trial, 0, 0) == 0
    thought = budget.expected(trial, 128)
    budget.settled(trial, 128, 1, 0.5 * thought)
    assert budget.expected(trial, 128) == pytest.approx(0.5 * thought)
    assert budget.seeds_that_fit(work) == 3
    budget.spend(full * 0.6)
    assert budget.seeds_that_fit(work) == 1, "one at least: segments that do not fit are left out one by one"


def test_a_higher_cap_continues_and_a_spent_one_begins_nothing(tmp_path: Path, full: float) -> None:
    low, store = capped(full * 0.5 / 3600), Store(tmp_path)
    ledger = Ledger(low, store)
    done = play(ledger, store, low)
    store.add_run("tiny", 1, {"interrupted": False, "device_seconds": full * 0.6})
    store.records.backend.put("studies/tiny/claims/0001.json", b"{}")
    again = Ledger(low, store)
    assert again.finished and again.next() is None and set(again.capped) == set(ledger.capped)
    more = capped(full * 3 / 3600)
    rest = play(raised := Ledger(more, store), store, more)
    assert not raised.capped and len(done) + len(rest) == 27
    assert not {segment.id for segment in done} & {segment.id for segment in rest}, "nothing runs twice"


def test_lanes_side_by_side_keep_the_cap_too(tmp_path: Path, full: float) -> None:
    prepared = capped(full * 0.5 / 3600)
    ledger = Ledger(prepared, store := Store(tmp_path))
    done = play(ledger, store, prepared, lanes=4)
    spent = sum(estimate(prepared.expansion).rates[s.trial.split()[0]].spent(128, 1).middle for s in done)
    assert full * 0.3 < spent <= full * 0.5


def test_a_cap_that_is_reached_in_a_segment_ends_it(tmp_path: Path, full: float) -> None:
    ledger = Ledger(capped(full * 0.5 / 3600), Store(tmp_path))
    assert ledger.next() is not None and not ledger.spend(full * 0.4)
    assert ledger.spend(full * 0.6) and ledger.cap_reached
    assert len(ledger.capped) == 9, "all that is wanted is missing"


def test_a_cap_below_what_the_baseline_needs_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    study = study_from_data(study_data(resources={"max_device_hours": 1e-9}))
    client = Client(store=tmp_path / "store")
    said = "resources.max_device_hours: 1e-09 given, but the baseline alone, with all its seeds, needs"
    with pytest.raises(UserError, match=said):
        client.start(study)
    blocker = client.plan(study).blocker
    assert blocker is not None and blocker.startswith(said) and "allowed: at least" in blocker


@pytest.mark.slow
def test_a_capped_run_names_what_is_missing_everywhere(tmp_path: Path) -> None:
    path, store = write_study(tmp_path, policy="none"), tmp_path / "store"
    client = Client(store=store)
    client.run(path, executor="local", seeds=(0,))
    # what the baseline's second seed takes, which the first run has spent several times over
    baseline = client.plan(path).estimate.baseline
    assert baseline is not None
    cap = f"--set=resources.max_device_hours={baseline.low / 3600 * 1.001}"
    result = dit_ablate("run", path, "--store", store, "--executor", "local", cap)
    assert result.exit_code == 3, result.output
    said = "Capped by resources.max_device_hours: "
    assert said in result.output and "3 trials are not finished" in " ".join(result.output.split())
    status = client.status("tiny")
    assert not status.done and status.capped.startswith(said)
    assert list(status.trials["status"]) == ["completed", "pending"] * 3
    report = (store / "studies" / "tiny" / "report" / "report.md").read_text()
    assert said in report and "not finished" in report
    finished = dit_ablate("run", path, "--store", store, "--executor", "local", "--set=resources.max_device_hours=9")
    assert finished.exit_code == 0 and "Capped" not in finished.output
    assert client.status("tiny").done
