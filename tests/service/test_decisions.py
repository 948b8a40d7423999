"""Decisions in the store: written before they count, once, and by whoever comes first; readers write none."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from finished_study import BUDGET, PATCHES, RUNG, begin, tiny_study
from small_studies import METRIC, expansion

from dit_core.events import Evaluated, MetricResult
from dit_core.gflops import count, training_gmacs
from service.analysis.narrative import opening
from service.analysis.numbers import MetricFormat
from service.analysis.preview import preview
from service.analysis.standing import books, standing
from service.analysis.summary import summarise
from service.engine import run_segments
from service.engine.ledger import Ledger
from service.engine.segment import Segment
from service.engine.wire import DONE, FAILED, SegmentResult
from service.policies import create
from service.preflight import Prepared, prepare
from service.records.decisions import Decision, DecisionBook, PlanOpened, Stop
from service.records.store import Store
from service.report.build import build_report

ARMS = {"wide": {"model": {"hidden_size": 32}}, "patch_size=2": {"model": {"patch_size": 2}}}
VALUES = {"baseline": 5.0, "wide": 1.0, "patch_size=2": 2.0}


def decision(*stopped: str) -> Decision:
    stops = tuple(Stop(arm, 128, math.inf, 2, 2, f"{arm}: as it happens") for arm in stopped)
    return Decision(look="128", images=128, compared=("wide", "patch_size=2"), stops=stops, saw="0" * 64)


def prepared_with(**changes) -> Prepared:
    return prepare(expansion(ARMS, **{"seeds": (0,), **changes}))


def measure(store: Store, segment: Segment, value: float) -> None:
    event = Evaluated(segment.until, (MetricResult(METRIC, value),), b"", 0.0, 0.0)
    store.add_evaluation(segment.train_id, segment.trial_config(), event, segment.study)


def run_out(ledger: Ledger, failing: str = "") -> Ledger:
    """Runs everything that is wanted; every arm measures what ``VALUES`` says, at all times."""
    while (segment := ledger.next()) is not None:
        if segment.trial == failing:
            ledger.settle(segment, SegmentResult(FAILED, error="it broke", retry=False))
        else:
            measure(store_of(ledger), segment, VALUES[segment.trial.split(" ")[0]])
            ledger.settle(segment, SegmentResult(DONE))
    assert ledger.finished
    return ledger


def store_of(ledger: Ledger) -> Store:
    return ledger.store


def files(store: Store) -> list[str]:
    return sorted(str(path.relative_to(store.path)) for path in store.path.glob("studies/*/decisions/**/*.json"))


# -- the records ----------------------------------------------------------------------------------


def test_the_first_writer_wins_and_infinity_survives(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    mine, _ = books(prepared_with(), store)
    theirs, _ = books(prepared_with(), Store(tmp_path / "store"))
    assert mine.recorded(("128",)) == {}
    assert mine.put(decision("wide")) == decision("wide")
    assert theirs.put(decision("patch_size=2")) == decision("wide"), "the one that stands is the first writer's"
    assert theirs.recorded(("128", "256")) == {"128": decision("wide")}
    assert math.isinf(theirs.recorded(("128",))["128"].stops[0].value)


def test_a_look_that_the_study_has_no_more_is_found_too(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    book, _ = books(prepared_with(), store)
    book.put(decision("wide"))
    assert set(book.recorded(())) == {"128"}


def test_a_damaged_decision_is_made_again_beside_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    book, _ = books(prepared_with(), store)
    book.put(decision("wide"))
    (path,) = (store.path / "studies/tiny/decisions" / book.scope).iterdir()
    path.write_text(path.read_text().replace("wide", "tall"))
    assert book.recorded(("128",)) == {}
    assert book.put(decision("patch_size=2")) == decision("patch_size=2") == book.recorded(("128",))["128"]


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_stops_outlive_the_record_of_their_look(tmp_path: Path, how: str) -> None:
    store = Store(tmp_path / "store")
    before = run_out(Ledger(prepared_with(), store))
    assert [(stop.arm, stop.images) for stop in before.stops] == [("patch_size=2", 128)]
    (path,) = store.path.glob("studies/tiny/decisions/*/128.json")
    if how == "damaged":
        path.write_bytes(path.read_bytes()[:100])
    else:
        path.unlink()
    again = Ledger(prepared_with(), Store(store.path))
    assert again.left == 0 and again.stops == before.stops, "the decision at 256 knows what was stopped before"
    assert standing(prepared_with(), Store(store.path)).stops == before.stops


def test_keys_name_plan_and_policy(tmp_path: Path) -> None:
    prepared = prepared_with()
    store = Store(tmp_path / "store")
    run_out(Ledger(prepared, store))
    plan, policy = prepared.plan_digest[:16], prepared.policy.digest[:16]
    folder = f"studies/tiny/decisions/{plan}-{policy}"
    assert files(store) == sorted([f"{folder}.json", f"{folder}/128.json", f"{folder}/256.json"])


# -- what is acted on -------------------------------------------------------------------------------


def test_a_decision_is_on_the_disk_before_anything_follows_from_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    ledger = Ledger(prepared_with(), store)
    seen = set()
    while (segment := ledger.next()) is not None:
        if segment.until > 128 and not segment.trial.startswith("baseline"):
            assert any(name.endswith("/128.json") for name in files(store))
            seen.add(segment.trial)
        measure(store, segment, VALUES[segment.trial.split(" ")[0]])
        ledger.settle(segment, SegmentResult(DONE))
    assert seen == {"wide seed=0"}


def test_what_another_driver_decided_is_acted_on(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    ledger = Ledger(prepared_with(), store)  # it looked before the other one decided
    books(prepared_with(), store)[0].put(decision("wide"))
    run_out(ledger)
    assert [(stop.arm, stop.images) for stop in ledger.stops] == [("wide", 128)], "it would have been patch_size=2"
    assert {str(s.state) for s in ledger.statuses() if s.trial.arm.name == "wide"} == {"stopped@128"}


def test_a_decision_is_taken_from_the_store_by_the_next_run(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    books(prepared_with(), store)[0].put(decision("wide"))
    ledger = run_out(Ledger(prepared_with(), store))
    assert [stop.arm for stop in ledger.stops] == ["wide"]


def test_one_more_seed_costs_a_stopped_arm_no_more_than_its_look(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run_out(Ledger(prepared_with(), store))
    before = {name: (store.path / name).read_bytes() for name in files(store)}
    ledger = Ledger(prepared_with(seeds=(0, 1)), store)
    first = {str(s.trial.name): str(s.state) for s in ledger.statuses()}
    assert first["patch_size=2 seed=0"] == "stopped@128" and first["patch_size=2 seed=1"] == "pending"
    handed = []
    while (segment := ledger.next()) is not None:
        handed.append((segment.trial, segment.until))
        # the arm that was stopped turns out to be far better on the new seed
        measure(store, segment, 0.0 if segment.trial.startswith("patch") else 9.0)
        ledger.settle(segment, SegmentResult(DONE))
    assert sorted(handed) == sorted(
        [("patch_size=2 seed=1", 128)]
        + [(f"{arm} seed=1", images) for arm in ("baseline", "wide") for images in (128, 256, 384)]
    )
    assert [stop.arm for stop in ledger.stops] == ["patch_size=2"]
    assert {name: (store.path / name).read_bytes() for name in files(store)} == before


def test_a_trial_that_was_given_up_changes_no_decision_when_it_is_tried_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    ledger = run_out(Ledger(prepared_with(), store), failing="wide seed=0")
    assert ledger.failed and ledger.stops == (), "one of one is never stopped"
    again = run_out(Ledger(prepared_with(), store))
    assert again.stops == ()
    assert {str(status.state) for status in again.statuses()} == {"completed"}


def test_another_policy_opens_a_plan_of_its_own_and_the_old_one_stays_visible(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run_out(Ledger(prepared_with(), store))
    everything = prepared_with(policy="none")
    ledger = Ledger(everything, store)
    assert ledger.left == 2, "what was stopped is wanted again"
    run_out(ledger)
    (other,) = standing(everything, store).elsewhere
    assert other.text == (
        "A run of this study under another plan (policy rungs (stop_fraction 0.5, grace_images 0), compared on "
        "fd_digits_cnn) stopped patch_size=2 at 128 images; here that has no effect."
    )
    assert replace(other, decisions=()).text.endswith("compared on fd_digits_cnn) stopped nothing.")
    assert other.text in preview(everything.expansion, prepared=everything, store=store).notes
    back = run_out(Ledger(prepared_with(), store))
    assert [stop.arm for stop in back.stops] == ["patch_size=2"]


def test_an_arm_stays_stopped_when_its_rung_leaves_the_study(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run_out(Ledger(prepared_with(), store))
    prepared = prepared_with(rungs=(256,))
    assert Ledger(prepared, store).left == 0
    summary = summarise(prepared, store)
    assert summary.finished and summary.arm("patch_size=2").status == "stopped@128"
    assert "patch_size=2 was stopped at 128 images" in " ".join(opening(prepared.expansion, summary, MetricFormat(2)))


def test_the_preview_counts_what_a_new_rung_measures(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run_out(Ledger(prepared_with(), store))
    prepared = prepared_with(rungs=(64, 128, 256))
    shown = preview(prepared.expansion, prepared=prepared, store=store)
    assert shown.segments == len(standing(prepared, store).plan.wanted) == 3, "every arm was past it, none measured"
    assert shown.remaining_gmacs == sum(training_gmacs(count(arm.config.model), 64) for arm in prepared.expansion.arms)
    assert [str(state) for arm in shown.arms for state in arm.states] == ["completed", "completed", "stopped@128"]


def test_a_new_seed_of_a_stopped_arm_that_is_given_up_has_failed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run_out(Ledger(prepared_with(), store))
    prepared = prepared_with(seeds=(0, 1))
    ledger = run_out(Ledger(prepared, store), failing="patch_size=2 seed=1")
    assert [stop.arm for stop in ledger.stops] == ["patch_size=2"] and set(ledger.failed) == {"patch_size=2 seed=1"}
    states = {status.trial.name: str(status.state) for status in ledger.statuses()}
    assert states["patch_size=2 seed=0"] == "stopped@128" and states["patch_size=2 seed=1"] == "failed"
    summary = summarise(prepared, store, failures=store.given_up("tiny"))
    assert summary.arm("patch_size=2").status == "1 stopped@128, 1 failed" and not summary.finished


# -- readers ----------------------------------------------------------------------------------------


def test_readers_show_what_would_be_decided_and_write_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    prepared = prepared_with()
    ledger = Ledger(prepared, store)
    for trial in prepared.expansion.trials:
        measure(store, ledger.segment(trial, 128), VALUES[trial.arm.name])
    found = standing(prepared, store)
    assert [stop.arm for stop in found.stops] == ["patch_size=2"] and found.foreseen == {"128"}
    summary = summarise(prepared, store)
    assert summary.arm("patch_size=2").status == "stopped@128"
    states = {arm.name: [str(s) for s in arm.states] for arm in
              preview(prepared.expansion, prepared=prepared, store=store).arms}  # fmt: skip
    assert states["patch_size=2"] == ["stopped@128"]
    assert not Ledger(prepared, store).finished and files(store) == [], "looking decides nothing"
    run_out(Ledger(prepared, store))
    assert standing(prepared, store).foreseen == frozenset() and len(files(store)) == 3


def test_a_store_from_before_decisions_were_recorded_shows_its_stops(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    prepared = prepared_with()
    run_out(Ledger(prepared, store))
    with_records = standing(prepared, store)
    for name in files(store):
        (store.path / name).unlink()
    assert standing(prepared, store).stops == with_records.stops != ()


@pytest.mark.slow
def test_the_report_names_other_plans(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    study = tiny_study(ablations=[PATCHES], seeds=[0])
    run_segments(begin(study, store), store, executor="local")
    changed = begin(study.model_copy(update={"policy": type(study.policy)(name="none")}), store)
    run_segments(changed, store, executor="local")
    text = build_report(changed, store, command="again").markdown.read_text()
    assert "under another plan (policy rungs (" in text and f"at {RUNG:,} images" in text
    assert {s.state.is_final for s in summarise(changed, store).statuses} == {True} and BUDGET > RUNG


@pytest.mark.parametrize("name", ["", "a/b", "x~1", "../up"])
def test_names_that_make_no_key_are_refused(name: str) -> None:
    from service.policies import Look
    from service.records.proposals import Question

    with pytest.raises(ValueError, match="no name for a record"):
        Look(name, 128)
    with pytest.raises(ValueError, match="no name for a record"):
        Question(name, 1, "more", "0")


def test_books_of_other_plans_do_not_meet(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    opened = PlanOpened(
        analysis_plan="a" * 64, primary_metric=METRIC, baseline={}, policy="rungs", options={"stop_fraction": 0.5}
    )
    one = DecisionBook(store.records, "tiny", opened, "b" * 64)
    two = DecisionBook(store.records, "tiny", opened, "c" * 64)
    one.put(decision("wide"))
    assert two.recorded(("128",)) == {} and [other.decisions for other in two.elsewhere()] == [(decision("wide"),)]
    assert create(prepared_with().expansion.study.policy).name == "rungs"
