"""Who may run a study: one run at a time, whatever is paused, killed, started at once or wrong about the time."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from small_studies import expansion
from tiny_study import write_study

from dit_core.errors import UserError
from service.engine.heartbeat import TakenOver
from service.engine.ledger import Ledger
from service.engine.watch import Watch, read_live, request_stop
from service.preflight import prepare
from service.records.claims import claim_study
from service.records.envelope import seal
from service.records.kinds import Claim, Process
from service.records.liveness import Liveness, live_key
from service.records.process import this_process
from service.records.store import Store

RACERS, RACES = 3, 60
SPAWN = multiprocessing.get_context("spawn")
ELSEWHERE = Process(pid=7, host="elsewhere", boot="another", pids="another", started=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def race(folder: str, start: Barrier, told: Connection) -> None:
    """Claims one study after another, each at the same moment as the others; nobody ends before all have tried."""
    store = Store(folder)
    for number in range(RACES):
        start.wait(600)
        try:
            claim = claim_study(store, f"study-{number}")
        except UserError:
            claim = None
        start.wait(600)
        told.send(claim is not None)
        if claim is not None:
            claim.end()


@pytest.mark.slow
def test_of_several_that_start_at_once_one_is_let_in(store: Store) -> None:
    start = SPAWN.Barrier(RACERS)
    lines = [SPAWN.Pipe(duplex=False) for _ in range(RACERS)]
    racers = [SPAWN.Process(target=race, args=(str(store.path), start, told)) for _, told in lines]
    for racer in racers:
        racer.start()
    admitted = [sum(heard.recv() for heard, _ in lines) for _ in range(RACES)]
    for racer in racers:
        racer.join(60)
    several = sum(count > 1 for count in admitted)
    print(f"{RACES} races of {RACERS} processes: {several} let several in")
    assert admitted == [1] * RACES


def hold(folder: str, told: Connection) -> None:
    """Claims the study and goes on until it is killed."""
    claim_study(Store(folder), "tiny")
    told.send(os.getpid())
    time.sleep(600)


@contextmanager
def holder(store: Store) -> Iterator[int]:
    """A process that runs the study."""
    assert store.id  # as every run has it recorded before it claims anything
    heard, told = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=hold, args=(str(store.path), told))
    process.start()
    try:
        yield heard.recv()
    finally:
        process.kill()
        process.join(60)


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder, with its size and the time it was written."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.mark.slow
def test_a_living_run_is_not_joined_and_a_dead_one_taken_over_at_once(store: Store, tmp_path: Path) -> None:
    with holder(store) as pid:
        with pytest.raises(UserError, match=f"'tiny' is being run in this store by process {pid} on .*dit-ablate stop"):
            claim_study(store, "tiny")
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(UserError, match="is being run"):
            claim_study(store, "tiny", liveness=Liveness(store.records, patience=0.0))
        study, before = write_study(tmp_path), contents(store.path)
        command = [sys.executable, "-m", "service", "run", str(study), "--store", str(store.path)]
        refused = subprocess.run([*command, "--executor", "local"], capture_output=True, text=True, timeout=300)
        assert refused.returncode == 2 and "is being run in this store" in refused.stderr
        assert "Traceback" not in refused.stderr and contents(store.path) == before, "a refused run writes nothing"
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}/stat").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text():
            time.sleep(0.01)
        assert claim_study(store, "tiny").run == 2


def begun_elsewhere(store: Store, process: Process = ELSEWHERE) -> None:
    claim = Claim(pid=process.pid, host=process.host, process=process)
    assert store.records.backend.put(Claim.key("tiny", 1), seal(claim))


def beat(store: Store, count: int) -> None:
    """A heartbeat of a host whose clock is an hour ahead."""
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    live = {"pid": ELSEWHERE.pid, "host": ELSEWHERE.host, "time": ahead, "run": 1, "beat": count}
    store.records.backend.write(live_key("tiny"), json.dumps(live).encode())


def test_another_hosts_run_is_told_by_whether_its_heart_beats(store: Store) -> None:
    begun_elsewhere(store)
    beat(store, 1)
    told: list[str] = []

    def tell(text: str) -> None:
        """Called between the first look at the heartbeat and the second: beats in between, as a living host does."""
        told.append(text)
        beat(store, 1 + len(told))

    with pytest.raises(UserError, match="is being run in this store by process 7 on elsewhere"):
        claim_study(store, "tiny", tell=tell)
    assert len(told) == 1 and "watching for 30 s" in told[0]
    assert claim_study(store, "tiny", liveness=Liveness(store.records, patience=1.0)).run == 2, "an hour is no obstacle"


def test_time_is_measured_by_the_observers_own_clock(store: Store) -> None:
    begun_elsewhere(store)
    now = [0.0]
    liveness = Liveness(store.records, clock=lambda: now[0])
    for seconds, beats, life in (
        (0, 1, "unknown"),
        (29, 1, "unknown"),
        (31, 2, "lives"),
        (60, 2, "lives"),
        (62, 2, "ended"),
    ):
        now[0] = seconds
        if not (held := store.records.backend.get(live_key("tiny"))) or json.loads(held)["beat"] != beats:
            beat(store, beats)
        assert liveness.of("tiny", 1).value == life, seconds


@pytest.mark.parametrize("change", [{"started": 1}, {"pid": 2**22 - 1}])
def test_a_pid_of_this_host_means_something_only_with_its_start(store: Store, change: dict[str, int]) -> None:
    begun_elsewhere(store, this_process().model_copy(update={"pid": os.getppid(), **change}))
    assert claim_study(store, "tiny").run == 2, "the process is gone, or its number is another's now"


def test_a_claim_without_its_process_is_watched(store: Store) -> None:
    assert store.records.backend.put(Claim.key("tiny", 1), seal(Claim(pid=os.getpid(), host="x")))
    began = time.monotonic()
    assert claim_study(store, "tiny", liveness=Liveness(store.records, patience=0.7)).run == 2
    assert time.monotonic() - began >= 0.7


def test_a_run_that_was_taken_over_writes_nothing_more(store: Store) -> None:
    prepared = prepare(expansion({}, seeds=(0,)))
    with (
        pytest.raises(TakenOver, match="another one took it over"),
        Watch(Ledger(prepared, store), store, None) as watch,
    ):
        assert read_live(store, "tiny") is not None
        begun = Claim(pid=7, host="elsewhere", process=ELSEWHERE)
        assert store.records.backend.put(Claim.key("tiny", 2), seal(begun))
        beat(store, 1)
        before = contents(store.path)
        watch._heartbeat._beaten = -1e9  # as after a pause
        watch.tick([], 1, 1.0)
    assert contents(store.path) == before
    assert read_live(store, "tiny") is None, "elsewhere's clock is an hour ahead"


def test_a_stop_is_asked_of_one_run(store: Store) -> None:
    assert not request_stop(store, "tiny")
    prepared = prepare(expansion({}, seeds=(0,)))
    with Watch(Ledger(prepared, store), store, None) as watch:
        assert request_stop(store, "tiny")
        watch._heartbeat._beat()
        watch.check()
        assert watch.stopping
    assert not request_stop(store, "tiny")
    with Watch(Ledger(prepared, store), store, None) as again:
        again._heartbeat._beat()
        again.check()
        assert not again.stopping, "it was asked of the run before"
