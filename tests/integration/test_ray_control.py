"""Dispatcher and host are killed, a lane has to go and comes back: the others train on, to the same numbers."""

from __future__ import annotations

from pathlib import Path

from long_studies import long_study, states, under_way
from observed import losses
from processes import kill
from ray_actors import named, placement_groups

from service.engine import Snapshot, run_segments
from service.preflight import prepare
from service.records.store import Store

ARMS = ("careful", "bold", "brave")


class Neighbour:
    """Another run on the cluster, which leaves as many lanes as it is told to."""

    def __init__(self) -> None:
        self.leaves = 2

    def lanes(self, wanted: int, held: int, fits: int) -> int:
        assert fits == 2 and wanted >= held
        return self.leaves


def test_control_dies_and_lanes_come_and_go(ray_cluster, tmp_path: Path) -> None:
    prepared, store, local = prepare(long_study(ARMS)), Store(tmp_path / "store"), Store(tmp_path / "local")
    neighbour, done, seen = Neighbour(), [], {}

    def said(snapshot: Snapshot, text: str) -> bool:
        return any(text in message for message in snapshot.messages)

    def disturb(snapshot: Snapshot) -> None:
        training = under_way(snapshot)
        if not done and len(training) == 2:
            names = named(ray_cluster.dashboard)
            assert all(name.startswith("dit-ablate/tiny/") for name in names), names
            assert any("/lane-0/" in name for name in placement_groups(ray_cluster.dashboard))
            seen.update(training)
            kill(next(pid for name, pid in names.items() if "/dispatcher/" in name))
            done.append("dispatcher")
        elif done == ["dispatcher"] and said(snapshot, "the run's dispatcher died and was started again"):
            if len(training) == 2 and all(training[lane] > seen[lane] for lane in seen):
                assert not store.failures("tiny"), "both lanes have trained on"
                neighbour.leaves = 1
                done.append("less room")
        elif done[-1:] == ["less room"] and said(snapshot, "lane-1 is retired") and snapshot.lanes_up == 1:
            assert not store.failures("tiny"), "what a lane gives back is no failure"
            names = named(ray_cluster.dashboard)
            kill(next(pid for name, pid in names.items() if "/lane-0/" in name))
            neighbour.leaves = 2
            done.append("host")

    outcome = run_segments(prepared, store, address=ray_cluster.address, on_update=disturb, share=neighbour)
    assert done == ["dispatcher", "less room", "host"]
    assert states(outcome) == dict.fromkeys(("baseline", *ARMS), "completed")
    assert [failure.outcome for failure in store.failures("tiny")] == ["lost"], "the killed host's segment alone"
    assert any("lane-0 is started again" in message for message in outcome.messages)
    assert any("lane-1 is added" in message for message in outcome.messages)
    run_segments(prepared, local, executor="local")
    for trial in prepared.expansion.trials:
        assert losses(store, prepared, trial.name) == losses(local, prepared, trial.name)
