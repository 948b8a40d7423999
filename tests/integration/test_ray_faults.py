"""Workers and drivers are killed in mid-segment, trials cannot run: the rest goes on, to the same numbers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from long_studies import long_study, states
from observed import evaluations, losses
from processes import kill
from ray_actors import left_behind, train_workers

from service.engine import Snapshot, read_live, request_stop, run_segments
from service.preflight import Prepared, prepare
from service.records.store import Store

STEPS = 120
END = 128 * STEPS


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Prepared]:
    store, prepared = Store(tmp_path_factory.mktemp("undisturbed") / "store"), prepare(long_study())
    run_segments(prepared, store, executor="local")
    return store, prepared


def block(store: Store, prepared: Prepared) -> Path:
    """Makes the arm ``careful`` impossible to train."""
    path = store.trial_dir(prepared.train_ids["careful seed=0"]) / "checkpoints"
    path.parent.mkdir(parents=True)
    path.write_text("a file where a folder must go")
    return path


def baseline_at(snapshot: Snapshot) -> int:
    """Images the baseline's segment has seen, 0 while it does not train."""
    live = snapshot.live.get("baseline seed=0")
    if live is None or live.phase != "training":
        return 0
    assert not live.images or live.loss is not None, "progress reaches the driver while a segment runs"
    return live.images


def test_one_worker_lanes(ray_cluster, undisturbed, tmp_path: Path) -> None:
    """The lanes' workers are killed in mid-segment, and one trial cannot run: the other goes on."""
    prepared, store = prepare(long_study()), Store(tmp_path / "store")
    blocked = block(store, prepared)
    killed: list[int] = []

    def kill_once(snapshot: Snapshot) -> None:
        if not killed and baseline_at(snapshot) > 128 * 5:
            killed.extend(train_workers(ray_cluster.dashboard))
            for pid in killed:
                kill(pid)

    outcome = run_segments(prepared, store, address=ray_cluster.address, on_update=kill_once)
    assert killed, "nothing was killed: the segment was too short"
    assert states(outcome) == {"baseline": "completed", "careful": "failed"}
    assert any("the lane's workers died" in message for message in outcome.messages)
    kinds = [failure.outcome for failure in store.failures("tiny")]
    assert kinds.count("lost") >= 1 and kinds.count("failed") >= 1
    assert losses(store, prepared, "baseline seed=0") == losses(*undisturbed, "baseline seed=0")
    assert evaluations(store, prepared)["baseline seed=0", END] == evaluations(*undisturbed)["baseline seed=0", END]

    # mended, the same study runs what it lacks; and a stop in the middle leaves a checkpoint
    blocked.unlink()

    def stop_once(snapshot: Snapshot) -> None:
        live = snapshot.live.get("careful seed=0")
        if live is not None and live.images > 0 and not snapshot.stopping:
            assert read_live(store, "tiny").pid == os.getpid()
            assert request_stop(store, "tiny")

    stopped = run_segments(prepared, store, address=ray_cluster.address, on_update=stop_once)
    assert stopped.interrupted and not stopped.failed
    assert states(stopped) == {"baseline": "completed", "careful": "pending"}
    assert blocked.is_dir() and list(blocked.iterdir()), f"a graceful stop leaves a checkpoint: {stopped.messages}"
    run_segments(prepared, store, executor="local")
    assert losses(store, prepared, "careful seed=0") == losses(*undisturbed, "careful seed=0")


def test_a_lane_of_two_workers(ray_cluster, undisturbed, tmp_path: Path) -> None:
    """One of two workers is killed, then a trial raises on both: the group is started again each time."""
    prepared, store = prepare(long_study(workers=2)), Store(tmp_path / "store")
    block(store, prepared)
    killed: list[int] = []

    def kill_once(snapshot: Snapshot) -> None:
        if not killed and baseline_at(snapshot) > 128 * 5:
            workers = train_workers(ray_cluster.dashboard)
            assert len(workers) == 2
            killed.append(workers[-1])
            kill(workers[-1])

    outcome = run_segments(prepared, store, address=ray_cluster.address, on_update=kill_once, max_attempts=2)
    assert killed, "nothing was killed: the segment was too short"
    assert states(outcome) == {"baseline": "completed", "careful": "failed"}
    failures = store.failures("tiny")
    assert {failure.outcome for failure in failures if failure.trial == "baseline seed=0"} == {"lost"}
    assert {failure.outcome for failure in failures if failure.trial == "careful seed=0"} == {"failed"}
    mine, theirs = losses(store, prepared, "baseline seed=0"), losses(*undisturbed, "baseline seed=0")
    assert [images for images, *_ in mine] == [images for images, *_ in theirs]
    # 120 steps let the difference in summation order grow; over 50 it is below 1e-5 (test_ray_ddp)
    assert [loss for _, loss, _ in mine] == pytest.approx([loss for _, loss, _ in theirs], rel=1e-3)


def test_a_dead_driver_leaves_nothing_on_a_shared_cluster(ray_cluster, undisturbed, tmp_path: Path) -> None:
    store, log = Store(tmp_path / "store"), tmp_path / "driver.log"
    prepared = prepare(long_study())
    code = f"import test_ray_faults; test_ray_faults.drive({str(store.path)!r}, {ray_cluster.address!r})"
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here.parent / 'helpers'}{os.pathsep}{here}"}
    with log.open("wb") as file:
        driver = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=file, stderr=file)
    try:
        until = time.monotonic() + 400
        while not under_way(store):
            assert driver.poll() is None and time.monotonic() < until, log.read_text()[-3000:]
            time.sleep(0.1)
    finally:
        kill(driver.pid)
        driver.wait()
    assert left_behind(ray_cluster.dashboard, seconds=90) == []
    seen = sorted(store.path.rglob("*"))
    time.sleep(2)
    assert sorted(store.path.rglob("*")) == seen, "somebody is still training"
    outcome = run_segments(prepared, store, executor="local")
    assert states(outcome) == {"baseline": "completed", "careful": "completed"}
    for trial in ("baseline seed=0", "careful seed=0"):
        assert losses(store, prepared, trial) == losses(*undisturbed, trial)


def under_way(store: Store) -> bool:
    live = read_live(store, "tiny")
    return live is not None and any(item.images > 128 * 5 for item in live.running)


def drive(store: str, address: str) -> None:
    """What the killed driver does."""
    run_segments(prepare(long_study()), Store(store), address=address)
