"""The driver is killed with ``kill -9`` in mid-segment; the same command goes on where it was."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from observed import curve_files, everything
from processes import descendants, kill, remaining
from small_studies import expansion

from service.engine import Live, read_live, run_segments
from service.preflight import prepare
from service.records.store import Store

HELPERS = Path(__file__).parent.parent / "helpers"
STEPS = 200  # many seconds from the first rung to the end, so that nobody misses them


def study():
    """Two arms whose segments take some seconds each and checkpoint inside."""
    return expansion(
        {"patch_size=4": {"model": {"patch_size": 4}}},
        seeds=(0,), rungs=(128 * 40,), budget=128 * STEPS, checkpoint_images=128 * 5, lanes=1, policy="none",
        model={"patch_size": 2, "hidden_size": 64, "depth": 3, "num_heads": 4},
        training={"batch_size": 128, "log_every_steps": 5},
    )  # fmt: skip


def start(store: Path, log: Path) -> subprocess.Popen[bytes]:
    """Runs the study in a process of its own, on a Ray of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment["PYTHONPATH"] = f"{HELPERS}{os.pathsep}{Path(__file__).parent}"
    command = [sys.executable, "-c", f"import test_kill_driver; test_kill_driver.main({str(store)!r})"]
    with log.open("wb") as file:
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file)


def main(store: str) -> None:
    """What the process does."""
    outcome = run_segments(prepare(study()), Store(store))
    assert not outcome.failed and not outcome.interrupted


def running(store: Store) -> tuple[Live, ...]:
    live = read_live(store, "tiny")
    return () if live is None else live.running


def evaluations(store: Store) -> dict[Path, int]:
    """The measurements there are, with the time of writing."""
    return {path: path.stat().st_mtime_ns for path in (store.path / "trials").glob("*/evaluations/*.json")}


def test_killed_and_started_again_equals_undisturbed(tmp_path: Path) -> None:
    store, log = Store(tmp_path / "store"), tmp_path / "driver.log"
    prepared = prepare(study())
    driver = start(store.path, log)
    try:
        until = time.monotonic() + 900
        # into the second half: the first rung of both arms is behind, and a checkpoint inside the next segment. It is
        # the first of two such segments: a worker may outlive its driver and finish what it has, but no more
        while not any(item.until == 128 * STEPS and item.images > 128 * 55 for item in running(store)):
            assert driver.poll() is None, f"the driver ended early:\n{log.read_text()[-3000:]}"
            assert time.monotonic() < until, f"nothing got that far:\n{log.read_text()[-3000:]}"
            time.sleep(0.1)
        assert len(evaluations(store)) == 2, "both segments of the second half are ahead"
        children = descendants(driver.pid)
        assert len(children) > 5, "Ray's processes are the driver's"
    finally:
        kill(driver.pid)
        driver.wait()

    # but for Ray's agents on the node, which notice that it is gone, and take about two minutes to end
    assert remaining({pid: name for pid, name in children.items() if "Agent" not in name}, 300) == {}
    assert read_live(store, "tiny") is None, "a dead driver's heartbeat does not count"
    finished = evaluations(store)
    before = curve_files(store)
    assert len(finished) in (2, 3)

    again = start(store.path, log)
    try:
        assert again.wait(timeout=900) == 0, log.read_text()[-3000:]
    finally:
        again.kill()
    assert all(path.stat().st_mtime_ns == written for path, written in finished.items())
    assert before <= curve_files(store)
    (record,) = store.runs("tiny").values()
    assert len(record.timings) + len(finished) == 4, "a finished segment was run again"
    steps = sum(timing.train for timing in record.timings)
    assert steps > 0

    local = Store(tmp_path / "undisturbed")
    reference = run_segments(prepared, local, executor="local")
    outcome = run_segments(prepared, store, executor="local")
    assert outcome.timings == ()
    assert everything(store, prepared, outcome) == everything(local, prepared, reference)
