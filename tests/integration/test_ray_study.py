"""Whole studies over real lanes: Ray Tune enumerates, Ray Train workers run segment after segment."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import ray
from observed import curve_files, everything
from ray.util.state import list_actors, list_placement_groups
from small_studies import expansion

from dit_core.errors import UserError
from service.engine import Outcome, Snapshot, read_live, request_stop, run_segments
from service.preflight import prepare
from service.store import Store

ARMS = {"patch_size=2": {"model": {"patch_size": 2}}, "wide": {"model": {"hidden_size": 32}},
        "fast": {"training": {"learning_rate": 1e-2}}}  # fmt: skip


STEPS = 240


def left_behind(address: str) -> list[str]:
    """Actors and placement groups that are still there, given a few seconds to go."""
    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        until = time.monotonic() + 15
        while True:
            found = [f"actor {item.class_name}" for item in list_actors() if item.state == "ALIVE"]
            found += [f"group {item.state}" for item in list_placement_groups() if item.state != "REMOVED"]
            found = [item for item in found if "JobSupervisor" not in item]
            if not found or time.monotonic() > until:
                return found
            time.sleep(0.5)
    finally:
        ray.shutdown()


def test_a_study_whole(ray_cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    prepared = prepare(expansion(ARMS))
    store, local = Store(tmp_path / "ray"), Store(tmp_path / "local")
    seen: list[Snapshot] = []
    outcome = run_segments(prepared, store, address=ray_cluster.address, on_update=seen.append)
    printed = capfd.readouterr()
    reference = run_segments(prepared, local, executor="local")

    assert everything(store, prepared, outcome) == everything(local, prepared, reference)
    states = [status.state for status in outcome.statuses]
    assert states.count("stopped@128") == 2 and states.count("stopped@256") == 2 and states.count("completed") == 4
    assert not outcome.failed and not outcome.interrupted and outcome.messages == ()
    assert "ray" not in (printed.out + printed.err).lower(), "Ray and Tune keep quiet"

    assert outcome.lanes == 2 and {timing.lane for timing in outcome.timings} == {"lane-0", "lane-1"}
    assert len(outcome.timings) == 18, "every segment ran once"
    warm = [timing.handover for timing in outcome.timings if timing.warm]
    assert len(warm) == 16 and sorted(warm)[len(warm) // 2] < 1.0, "a warm lane starts at once"
    lives = [live for snapshot in seen for live in snapshot.live.values()]
    assert {live.lane for live in lives if live.phase == "training"} == {"lane-0", "lane-1"}
    assert seen[-1].device_seconds > 0 and seen[-1].segments_left == 0
    assert not (store.path / ".ray").exists()
    assert left_behind(ray_cluster.address) == []

    # a second study in the same store takes what is there, without so much as starting Ray
    second = prepare(expansion({"wide": ARMS["wide"]}, name="second", policy="none", budget=256, rungs=(128,)))
    before = curve_files(store)
    again = run_segments(second, store, address="127.0.0.1:1")
    assert {status.state for status in again.statuses} == {"reused"}
    assert again.timings == () and curve_files(store) == before


def long_study(**changes):
    """Segments of several seconds, with checkpoints inside, so that something can happen in the middle."""
    return expansion(
        {"careful": {"training": {"learning_rate": 3e-4}}},
        seeds=(0,), rungs=(), budget=128 * STEPS, checkpoint_images=128 * 5,
        model={"patch_size": 2, "hidden_size": 64, "depth": 3, "num_heads": 4},
        training={"batch_size": 128, "log_every_steps": 5},
        **changes,
    )  # fmt: skip


def test_faults_on_the_way_change_nothing(ray_cluster, tmp_path: Path) -> None:
    """One lane's worker is killed in mid-segment, another trial cannot run at all: the rest goes on."""
    prepared = prepare(long_study())
    store, local = Store(tmp_path / "ray"), Store(tmp_path / "local")
    reference = run_segments(prepared, local, executor="local")

    bad = prepare(long_study(name="bad"))
    assert bad.train_ids == prepared.train_ids
    blocked = store.trial_dir(prepared.train_ids["careful seed=0"]) / "checkpoints"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder must go")

    killed: list[int] = []

    def kill_once(snapshot: Snapshot) -> None:
        live = snapshot.live.get("baseline seed=0")
        if not killed and live is not None and live.phase == "training" and live.images > 128 * 10:
            assert live.loss is not None, "progress reaches the driver while a segment runs"
            workers = [item.pid for item in list_actors() if "TrainWorker" in item.class_name and item.state == "ALIVE"]
            killed.extend(workers)
            for pid in workers:
                os.kill(pid, signal.SIGKILL)

    outcome = run_segments(bad, store, address=ray_cluster.address, on_update=kill_once)
    assert killed, "nothing was killed: the segment was too short"
    assert {status.trial.name: status.state for status in outcome.statuses} == {
        "baseline seed=0": "completed", "careful seed=0": "failed",
    }  # fmt: skip
    assert any("the lane's workers died" in message for message in outcome.messages)
    kinds = [failure["kind"] for failure in store.numbered("bad", "failures")]
    assert kinds.count("lost") >= 1 and kinds.count("failed") >= 1
    seen, expected = everything(store, bad, outcome), everything(local, prepared, reference)
    assert seen["losses"]["baseline seed=0"] == expected["losses"]["baseline seed=0"]
    assert (
        seen["evaluations"]["baseline seed=0", 128 * STEPS] == expected["evaluations"]["baseline seed=0", 128 * STEPS]
    )

    # mended, the same study runs what it lacks; and a stop in the middle leaves a checkpoint
    blocked.unlink()

    def stop_once(snapshot: Snapshot) -> None:
        live = snapshot.live.get("careful seed=0")
        if live is not None and live.images > 0 and not snapshot.stopping:
            assert read_live(store, "bad")["pid"] == os.getpid()
            assert request_stop(store, "bad")

    stopped = run_segments(bad, store, address=ray_cluster.address, on_update=stop_once)
    assert stopped.interrupted and not stopped.failed
    assert {status.trial.name: status.state for status in stopped.statuses} == {
        "baseline seed=0": "completed", "careful seed=0": "pending",
    }  # fmt: skip
    assert list(blocked.iterdir()), "a graceful stop leaves a checkpoint"
    final: Outcome = run_segments(bad, store, executor="local")
    assert everything(store, bad, final)["losses"] == expected["losses"]


def test_bad_addresses_are_one_sentence(ray_cluster, tmp_path: Path) -> None:
    prepared = prepare(expansion({}, seeds=(0,)))
    store = Store(tmp_path / "store")
    for address, message in (
        ("127.0.0.1:1", "address: no Ray cluster answers at 127.0.0.1:1"),
        ("nonsense", "address: 'nonsense' is not an address"),
        ("ray://127.0.0.1:1", "is a Ray Client address"),
    ):
        with pytest.raises(UserError, match=message):
            run_segments(prepared, store, address=address)
    large = prepare(expansion({}, seeds=(0,), workers=4))
    with pytest.raises(UserError, match="one lane needs 4 x 1 CPU, and the Ray cluster has 2 CPU and 0 GPU"):
        run_segments(large, store, address=ray_cluster.address)
