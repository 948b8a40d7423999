"""A whole study in this process: order, resuming, reuse, failures, stopping."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
from observed import curve_files, everything, losses
from small_studies import expansion

from dit_core.errors import UserError
from service.engine import Outcome, Snapshot, run_segments
from service.engine.ledger import Ledger
from service.engine.local import run_local
from service.engine.watch import Watch
from service.preflight import Prepared, prepare
from service.records.liveness import live_key
from service.records.store import Store

ARMS = {"patch_size=2": {"model": {"patch_size": 2}}, "wide": {"model": {"hidden_size": 32}},
        "fast": {"training": {"learning_rate": 1e-2}}}  # fmt: skip


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(expansion(ARMS))


@pytest.fixture(scope="module")
def undisturbed(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Outcome]:
    store = Store(tmp_path_factory.mktemp("local") / "store")
    return store, run_segments(prepared, store, executor="local")


def test_a_study_runs_whole(prepared: Prepared, undisturbed: tuple[Store, Outcome]) -> None:
    store, outcome = undisturbed
    states = [str(status.state) for status in outcome.statuses]
    assert states.count("stopped@128") == 2 and states.count("stopped@256") == 2 and states.count("completed") == 4
    assert [stop.images for stop in outcome.stops] == [128, 256]
    assert not outcome.interrupted and not outcome.failed
    stopped = outcome.stops[0].arm
    assert losses(store, prepared, f"{stopped} seed=0")[-1][0] == 128, "a stopped arm trains no further"
    assert [images for images, *_ in losses(store, prepared, "baseline seed=0")] == list(range(64, 385, 64))
    grids = list(store.trial_dir(prepared.train_ids["baseline seed=0"]).glob("grids/*.png"))
    assert len(grids) == 3
    (record,) = store.runs("tiny").values()
    assert len(record.timings) == 18 and 0 < record.spent["train"] < record.lane_seconds
    assert 0 <= outcome.overhead < 1
    assert store.records.backend.get(live_key("tiny")) is None


def test_a_finished_study_does_nothing(prepared: Prepared, undisturbed: tuple[Store, Outcome]) -> None:
    store, before = undisturbed
    files = written(store)
    again = run_segments(prepared, store, executor="local")
    assert again.timings == () and again.lane_seconds == 0
    assert everything(store, prepared, again) == everything(store, prepared, before)
    assert written(store) == files


def written(store: Store) -> dict[Path, int]:
    """When each file was written."""
    return {path: path.stat().st_mtime_ns for path in store.path.rglob("*") if path.is_file()}


class Shuffled(Ledger):
    """Hands out what can run in a random order."""

    generator: random.Random

    def priority(self, trial, images):
        return (self.generator.random(),)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_order_changes_nothing(
    seed: int, prepared: Prepared, undisturbed: tuple[Store, Outcome], tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    Shuffled.generator = random.Random(seed)
    ledger = Shuffled(prepared, store)
    with Watch(ledger, store, None) as watch:
        run_local(ledger, store, watch)
    order = [timing.segment for timing in ledger.timings]
    assert order != [timing.segment for timing in undisturbed[1].timings], "the shuffle shuffled nothing"
    outcome = Outcome(ledger.statuses(), ledger.stops)
    assert everything(store, prepared, outcome) == everything(undisturbed[0], prepared, undisturbed[1])


class Impatient(Watch):
    """Is asked to stop at one in four of the moments it looks at, and then ends the run."""

    generator = random.Random(0)
    _asked = False

    @property
    def stopping(self) -> bool:
        self._asked = self._asked or self.generator.random() < 0.25
        return self._asked

    @stopping.setter
    def stopping(self, value: bool) -> None:
        pass


@pytest.mark.slow
def test_stopped_anywhere_and_continued_is_bit_identical(
    prepared: Prepared, undisturbed: tuple[Store, Outcome], tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    runs = 0
    while not (ledger := Ledger(prepared, store)).finished:
        with Impatient(ledger, store, None) as watch:
            run_local(ledger, store, watch)
        runs += 1
    assert runs > 5
    outcome = Outcome(ledger.statuses(), ledger.stops)
    assert everything(store, prepared, outcome) == everything(undisturbed[0], prepared, undisturbed[1])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_gracefully_and_says_so(number: signal.Signals, prepared: Prepared, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sent, before = [], signal.getsignal(number)

    def update(snapshot: Snapshot) -> None:
        if not sent:
            sent.append(snapshot)
            os.kill(os.getpid(), number)

    outcome = run_segments(prepared, store, executor="local", on_update=update)
    assert outcome.interrupted and sent
    assert len(outcome.timings) <= 1
    assert signal.getsignal(number) == before
    if number != signal.SIGTERM:
        return
    again = run_segments(prepared, store, executor="local")
    assert not again.interrupted and {str(status.state) for status in again.statuses} >= {"completed"}


def test_a_second_study_reuses_shared_arms(prepared: Prepared, undisturbed: tuple[Store, Outcome]) -> None:
    store, first = undisturbed
    survivor = next(
        s.trial.arm.name for s in first.statuses if str(s.state) == "completed" and not s.trial.arm.is_baseline
    )
    arms = {survivor: ARMS[survivor], "small": {"model": {"hidden_size": 8}}}
    second = prepare(expansion(arms, name="second", policy="none"))
    before = curve_files(store)
    outcome = run_segments(second, store, executor="local")
    states = {status.trial.name: str(status.state) for status in outcome.statuses}
    assert {name for name, state in states.items() if state == "reused"} == {
        f"{arm} seed={seed}" for arm in ("baseline", survivor) for seed in (0, 1)
    }
    assert states["small seed=0"] == states["small seed=1"] == "completed"
    new = {second.train_ids[f"small seed={seed}"] for seed in (0, 1)}
    assert {path.parent.parent.name for path in curve_files(store) - before} == new
    assert len(outcome.timings) == 6


def test_another_sampler_retrains_nothing(prepared: Prepared, undisturbed: tuple[Store, Outcome]) -> None:
    store, _ = undisturbed
    arms = {"guided": {"evaluation": {"guidance_scale": 2.0}}}
    third = prepare(expansion(arms, name="third", policy="none", rungs=()))
    assert third.train_ids["guided seed=0"] == third.train_ids["baseline seed=0"]
    before = curve_files(store)
    outcome = run_segments(third, store, executor="local")
    assert curve_files(store) == before
    values = {status.trial.name: status.metric.value for status in outcome.statuses}
    assert values["guided seed=0"] != values["baseline seed=0"]
    assert {status.trial.arm.name: str(status.state) for status in outcome.statuses} == {
        "baseline": "reused", "guided": "completed",
    }  # fmt: skip


@pytest.mark.slow
def test_a_failing_trial_is_given_up_and_tried_again_next_time(prepared: Prepared, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    blocked = store.trial_dir(prepared.train_ids["wide seed=1"]) / "checkpoints"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder must go")
    outcome = run_segments(prepared, store, executor="local")
    states = {status.trial.name: str(status.state) for status in outcome.statuses}
    assert states["wide seed=1"] == "failed" and states["baseline seed=1"] == "completed"
    assert set(outcome.failed) == {"wide seed=1"}
    failures = store.failures("tiny")
    assert [(f.trial, f.attempt, f.given_up) for f in failures] == [
        ("wide seed=1", 1, False), ("wide seed=1", 2, False), ("wide seed=1", 3, True),
    ]  # fmt: skip
    assert "Traceback" in failures[0].traceback and "Error" in failures[0].error
    assert "given up after 3 attempts" in outcome.messages[-1]
    assert store.given_up("tiny") == dict(outcome.failed)
    blocked.unlink()
    again = run_segments(prepared, store, executor="local")
    assert not again.failed and "failed" not in {str(status.state) for status in again.statuses}
    assert store.given_up("tiny") == {}, "a run supersedes what earlier ones gave up"
    assert [failure.run for failure in store.failures("tiny")] == [1, 1, 1] and set(store.runs("tiny")) == {1, 2}


def test_a_users_mistake_is_not_retried(tmp_path: Path) -> None:
    study = expansion({}, seeds=(0,), rungs=(), budget=130)  # not a multiple of the batch
    store = Store(tmp_path / "store")
    outcome = run_segments(prepare(study), store, executor="local")
    (failure,) = store.failures("tiny")
    assert failure.given_up and failure.traceback == ""
    assert "multiple of the batch size" in outcome.failed["baseline seed=0"]


def test_divergence_is_recorded_and_ends_the_trial(tmp_path: Path) -> None:
    wild = {"wild": {"training": {"learning_rate": 1e3}}}
    prepared = prepare(expansion(wild, seeds=(0,)))
    store = Store(tmp_path / "store")
    outcome = run_segments(prepared, store, executor="local")
    states = {status.trial.name: str(status.state) for status in outcome.statuses}
    assert states == {"baseline seed=0": "completed", "wild seed=0": "diverged"}
    diverged = store.divergence(prepared.train_ids["wild seed=0"])
    assert diverged is not None and diverged.images <= 128
    assert [stop.arm for stop in outcome.stops] == ["wild"]
    assert run_segments(prepared, store, executor="local").timings == (), "a diverged trial is not tried again"


def test_an_unknown_executor_is_refused(prepared: Prepared, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="executor: unknown value 'lokal'; allowed: ray, local; did you mean 'local'"):
        run_segments(prepared, Store(tmp_path / "store"), executor="lokal")
