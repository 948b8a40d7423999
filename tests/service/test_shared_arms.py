"""Two drivers of studies that share arms train each arm once; one that is paused and superseded changes nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch
from observed import evaluations, losses
from small_studies import expansion

from service.engine import Outcome, Snapshot, run_segments
from service.engine.ledger import Ledger
from service.engine.local import run_local
from service.engine.runner import SegmentRun
from service.engine.watch import Watch
from service.preflight import Prepared, prepare
from service.records import process
from service.records.kinds import TrialClaim
from service.records.liveness import Liveness
from service.records.store import Store
from service.records.trial_claims import TrialClaims

SPAWN = multiprocessing.get_context("spawn")
ARMS = {"fast": {"training": {"learning_rate": 1e-2}}, "wide": {"model": {"hidden_size": 32}}}


def study(name: str) -> Prepared:
    return prepare(expansion(ARMS, name=name, seeds=(0,), rungs=(640, 1280), budget=1920, policy="none"))


def drive(folder: str, name: str, told: Connection) -> None:
    """Runs a study; tells how many segments it ran and what it said meanwhile."""
    prepared = study(name)
    told.send("ready")
    told.recv()
    outcome = run_segments(prepared, Store(folder), executor="local")
    told.send((len(outcome.timings), outcome.messages, dict(outcome.failed)))


@pytest.mark.slow
def test_two_drivers_train_shared_arms_once(tmp_path: Path) -> None:
    store, alone = Store(tmp_path / "store"), Store(tmp_path / "alone")
    lines, drivers = [], []
    for name in ("one", "two"):
        mine, told = SPAWN.Pipe()
        drivers.append(SPAWN.Process(target=drive, args=(str(store.path), name, told)))
        drivers[-1].start()
        lines.append(mine)
    for line in lines:
        assert line.recv() == "ready"
    for line in lines:
        line.send("go")
    run_segments(study("alone"), alone, executor="local")
    ran, messages, failed = zip(*(line.recv() for line in lines), strict=True)
    for driver in drivers:
        driver.join(60)
    print(f"segments: {ran[0]} and {ran[1]}, of 9 that are needed")
    assert sum(ran) == 9 and failed == ({}, {})
    assert any("waits for study" in text and "which trains it" in text for said in messages for text in said)
    for name in ("one", "two"):
        prepared = study(name)
        assert evaluations(store, prepared) == evaluations(alone, study("alone"))
        for trial in prepared.expansion.trials:
            assert losses(store, prepared, trial.name) == losses(alone, study("alone"), trial.name)
    stretches = Counter(path.parent.parent.name for path in store.path.glob("trials/*/curve/*.json"))
    assert set(stretches.values()) == {3}, "no stretch was trained twice"


def pausing(folder: str, told: Connection) -> None:
    """Runs a study as if from another host, and is paused in the middle of a segment."""
    process._boot = lambda: "elsewhere"  # so that of this process nothing is known to the observer

    paused: list[bool] = []

    def update(snapshot: Snapshot) -> None:
        if not paused and snapshot.segments_done == 1 and any(live.images for live in snapshot.live.values()):
            paused.append(True)
            told.send(os.getpid())
            os.kill(os.getpid(), signal.SIGSTOP)

    try:
        run_segments(study("one"), Store(folder), executor="local", on_update=update)
    except Exception as error:
        told.send(f"{type(error).__name__}: {error}")
    else:
        told.send("finished")


@pytest.mark.slow
def test_a_paused_driver_is_superseded_and_changes_nothing(tmp_path: Path) -> None:
    store, alone = Store(tmp_path / "store"), Store(tmp_path / "alone")
    mine, told = SPAWN.Pipe()
    driver = SPAWN.Process(target=pausing, args=(str(store.path), told))
    driver.start()
    pid = mine.recv()
    prepared = study("one")
    run_segments(prepared, alone, executor="local")
    ledger = Ledger(prepared, store)
    with_little_patience = Liveness(store.records, patience=2.0)
    while with_little_patience.of("one", 1).value != "ended":
        time.sleep(0.2)
    with Watch(ledger, store, None, liveness=with_little_patience) as watch:
        segment = ledger.next()
        assert segment is not None
        torch.set_num_threads(ledger.study.resources.cpus_per_worker)  # another number rounds otherwise
        os.kill(pid, signal.SIGCONT)  # it wakes up while its successor trains the same weights
        ledger.settle(segment, SegmentRun(segment, store, lambda live: None, lambda: False)())
        assert mine.recv().startswith("TakenOver: study 'one': this run stood still")
        run_local(ledger, store, watch)
        outcome = Outcome(ledger.statuses(), ledger.stops)
    driver.join(60)
    assert {str(status.state) for status in outcome.statuses} == {"completed"}
    assert evaluations(store, prepared) == evaluations(alone, prepared)
    for trial in prepared.expansion.trials:
        assert losses(store, prepared, trial.name) == losses(alone, prepared, trial.name)


def test_weights_pass_from_run_to_run(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    mine, other = (TrialClaims(Store(store.path).records, name, 1, Patient({"ended"})) for name in ("mine", "other"))
    assert mine.take("a") is None and not mine.had_by_others("a") and mine.holds("a")
    assert other.take("a") == TrialClaim(study="mine", run=1) and other.take("b") is None
    mine.release("a")
    assert not mine.holds("a") and other.take("a") is None and other.had_by_others("a")
    other.release("a")
    assert mine.take("a") is None and mine.had_by_others("a"), "it must look at the records again"
    mine.release("a")
    assert mine.take("a") is None and not mine.had_by_others("a")
    mine.release("a")
    assert TrialClaims(store.records, "ended", 1, Patient(set())).take("a") is None
    assert mine.take("a") is None, "the run that has it has ended"
    store.records.backend.write(TrialClaim.key("a", mine.newest("a") + 1), b"torn")
    assert other.take("a") is None, "a damaged claim holds nothing"
    assert not mine.holds("a")


class Patient(Liveness):
    """Knows which studies' runs have ended."""

    def __init__(self, ended: set[str]) -> None:
        self._over = ended

    def of(self, study: str, run: int) -> process.Life:
        return process.Life.ENDED if study in self._over else process.Life.LIVES
