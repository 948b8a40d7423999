"""Dispatcher and host are killed: the other lanes train on, to the same numbers."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import ray
from long_studies import long_study, states, under_way
from observed import losses
from processes import kill
from ray.util.placement_group import placement_group
from ray_actors import named, placement_groups

from service.engine import Snapshot, groups, run_segments
from service.engine.failures import LanesFailed
from service.engine.lane_state import Limits
from service.engine.naming import RunName
from service.preflight import prepare
from service.records.store import Store

ARMS = ("careful", "bold")


def hold(address: str, name: str) -> None:
    """Takes all CPUs of the cluster with a placement group that outlives who has made it."""
    ray.init(address=address, logging_level=logging.ERROR)
    try:
        group = placement_group([{"CPU": 2}], name=name, lifetime="detached")
        assert group.wait(30)
    finally:
        ray.shutdown()


def release(address: str, name: str) -> None:
    """Gives them back."""
    ray.init(address=address, logging_level=logging.ERROR)
    try:
        assert groups.remove(lambda found: found == name) == [name]
    finally:
        ray.shutdown()


def test_a_lane_that_finds_no_room_says_for_what_and_gives_up(ray_cluster, tmp_path: Path) -> None:
    hold(ray_cluster.address, "somebody else's")
    try:
        why = (
            r"no lane comes up: given up after \d+ s: waits for room since \d\d:\d\d:\d\d: it needs 1 x 1 CPU, "
            r"and 0 of 2 CPU, 0 of 0 GPU are free on the cluster"
        )
        with pytest.raises(LanesFailed, match=why):
            store = Store(tmp_path / "store")
            run_segments(prepare(long_study()), store, address=ray_cluster.address, limits=Limits(waiting=1.0))
    finally:
        release(ray_cluster.address, "somebody else's")


def test_control_actors_die(ray_cluster, tmp_path: Path) -> None:
    """The dispatcher costs nothing at all, a host its lane's segment since the last checkpoint."""
    prepared, store, local = prepare(long_study(ARMS)), Store(tmp_path / "store"), Store(tmp_path / "local")
    # a former run of this study has left its placement group behind: without it, there is room for two lanes
    hold(ray_cluster.address, RunName("tiny", store.id, "0123abcd").of("lane-0"))
    killed: list[str] = []
    seen: dict[str, int] = {}

    def disturb(snapshot: Snapshot) -> None:
        training = under_way(snapshot)
        if not killed and len(training) == 2:
            names = named(ray_cluster.dashboard)
            assert len(names) == 3 and all(name.startswith("dit-ablate/tiny/") for name in names), names
            assert any("/lane-0/" in name for name in placement_groups(ray_cluster.dashboard))
            seen.update(training)
            kill(next(pid for name, pid in names.items() if "/dispatcher/" in name))
            killed.append("dispatcher")
        again = any("dispatcher died" in message for message in snapshot.messages)
        if killed == ["dispatcher"] and again and len(training) == 2 and all(training[at] != seen[at] for at in seen):
            assert not store.failures("tiny"), "both lanes have trained on"
            names = named(ray_cluster.dashboard)
            kill(next(pid for name, pid in names.items() if "/lane-0/" in name))
            killed.append("host")

    outcome = run_segments(prepared, store, address=ray_cluster.address, on_update=disturb)
    assert killed == ["dispatcher", "host"]
    assert states(outcome) == dict.fromkeys(("baseline", *ARMS), "completed")
    assert [failure.outcome for failure in store.failures("tiny")] == ["lost"], "the killed host's segment alone"
    assert any("lane-0 is started again" in message for message in outcome.messages)
    run_segments(prepared, local, executor="local")
    for trial in prepared.expansion.trials:
        assert losses(store, prepared, trial.name) == losses(local, prepared, trial.name)
