"""Whole studies over real lanes: Ray Tune enumerates, Ray Train workers run segment after segment."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import ray
from observed import curve_files, everything
from ray_actors import left_behind
from small_studies import expansion

from dit_core.errors import UserError
from service.engine import Snapshot, run_segments
from service.engine.signals import Signals, ending_signals
from service.preflight import prepare
from service.records.store import Store

ARMS = {"patch_size=2": {"model": {"patch_size": 2}}, "wide": {"model": {"hidden_size": 32}},
        "fast": {"training": {"learning_rate": 1e-2}}}  # fmt: skip


def test_a_study_whole(ray_cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    prepared = prepare(expansion(ARMS))
    store, local = Store(tmp_path / "ray"), Store(tmp_path / "local")
    seen: list[Snapshot] = []
    handlers: set[str] = set()

    def update(snapshot: Snapshot) -> None:
        seen.append(snapshot)
        if ray.is_initialized() and snapshot.lanes_up:
            handlers.update(signal.getsignal(number).__qualname__ for number in ending_signals())

    outcome = run_segments(prepared, store, address=ray_cluster.address, on_update=update)
    printed = capfd.readouterr()
    reference = run_segments(prepared, local, executor="local")

    assert everything(store, prepared, outcome) == everything(local, prepared, reference)
    states = [str(status.state) for status in outcome.statuses]
    assert states.count("stopped@128") == 2 and states.count("stopped@256") == 2 and states.count("completed") == 4
    assert not outcome.failed and not outcome.interrupted and outcome.messages == ()
    assert "ray" not in (printed.out + printed.err).lower(), "Ray and Tune keep quiet"

    assert outcome.lanes == 2 and {timing.lane for timing in outcome.timings} == {"lane-0", "lane-1"}
    assert len(outcome.timings) == 18, "every segment ran once"
    warm = [timing.handover for timing in outcome.timings if timing.warm]
    assert len(warm) == 16, "a lane stays up for the next segment"
    lives = [live for snapshot in seen for live in snapshot.live.values()]
    assert {live.lane for live in lives if live.phase == "training"} == {"lane-0", "lane-1"}
    assert seen[-1].device_seconds > 0 and seen[-1].segments_left == 0
    assert not (store.path / ".ray").exists()
    assert left_behind(ray_cluster.dashboard) == []

    assert handlers == {Signals._signalled.__qualname__}, "Ray's own handlers end a process without a checkpoint"

    # a second study in the same store takes what is there, without so much as starting Ray
    kept = next(status.trial.arm.name for status in outcome.statuses if str(status.state) == "stopped@256")
    second = prepare(expansion({kept: ARMS[kept]}, name="second", policy="none", budget=256, rungs=(128,)))
    before = curve_files(store)
    again = run_segments(second, store, address="127.0.0.1:1")
    assert {str(status.state) for status in again.statuses} == {"reused"}
    assert again.timings == () and curve_files(store) == before


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
