"""Dispatcher and host are killed: the other lanes train on, to the same numbers."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from long_studies import long_study, states, under_way
from observed import losses
from processes import kill
from ray.util.placement_group import placement_group
from ray_actors import named, placement_groups

from search_spaces.study import Resources
from service.engine import Snapshot, groups, run_segments
from service.engine.failures import LanesFailed
from service.engine.fleet import Fleet
from service.engine.lane_spec import LaneSpec
from service.engine.lane_state import Limits
from service.engine.messages import Overview
from service.engine.naming import RunName
from service.preflight import Prepared, prepare
from service.records.store import Store

ARMS = ("careful", "bold")


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """Makes this process a driver for a moment."""
    ray.init(address=address, namespace="dit-ablate", logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def hold(name: str, cpus: int = 2) -> None:
    """Takes CPUs of the cluster with a placement group that outlives who has made it."""
    assert placement_group([{"CPU": cpus}], name=name, lifetime="detached").wait(100)


def test_a_lane_that_finds_no_room_says_for_what_and_gives_up(ray_cluster, tmp_path: Path) -> None:
    why = (
        r"no lane comes up: given up after \d+ s: waits for room since \d\d:\d\d:\d\d: it needs 1 x 1 CPU, "
        r"and 0 of 2 CPU, 0 of 0 GPU are free on the cluster"
    )
    spec = LaneSpec("", 0, "no dispatcher", "dit-ablate", str(tmp_path), str(tmp_path), 1, "nonce")
    with connected(ray_cluster.address):
        hold("somebody else's")
        fleet = Fleet(Resources(), spec, RunName("tiny", "0" * 32, "0123abcd"), str(tmp_path), Limits(waiting=5.0))
        try:
            assert fleet.resize(1) == ["lane-0 is added"]
            with pytest.raises(LanesFailed, match=why):
                while True:
                    assert not fleet.check(Overview())
                    time.sleep(0.2)
        finally:
            fleet.close(timeout=0)
            assert placement_groups(ray_cluster.dashboard) == ["somebody else's"]
            assert groups.remove(lambda name: name == "somebody else's") == ["somebody else's"]


def test_control_actors_die(ray_cluster, undisturbed: tuple[Store, Prepared], tmp_path: Path) -> None:
    """The dispatcher costs nothing at all, a host its lane's segment since the last checkpoint."""
    prepared, store = prepare(long_study(ARMS)), Store(tmp_path / "store")
    # a former run of this study and a dead one of another have left placement groups: without them, there is room
    with connected(ray_cluster.address):
        hold(RunName("tiny", store.id, "0123abcd").of("lane-0"), cpus=1)
        hold(RunName("another", "89abcdef", "4567cdef").of("lane-1"), cpus=1)
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
    for trial in prepared.expansion.trials:
        assert losses(store, prepared, trial.name) == losses(*undisturbed, trial.name)
