"""Dispatcher and host are killed: the other lanes train on, to the same numbers."""

from __future__ import annotations

from pathlib import Path

from long_studies import long_study, states, under_way
from observed import losses
from processes import kill
from ray_actors import named, placement_groups

from service.engine import Snapshot, run_segments
from service.preflight import prepare
from service.records.store import Store

ARMS = ("careful", "bold")


def test_control_actors_die(ray_cluster, tmp_path: Path) -> None:
    """The dispatcher costs nothing at all, a host its lane's segment since the last checkpoint."""
    prepared, store, local = prepare(long_study(ARMS)), Store(tmp_path / "store"), Store(tmp_path / "local")
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
        elif killed == ["dispatcher"] and any("dispatcher died" in message for message in snapshot.messages):
            if len(training) == 2 and all(training[lane] != seen[lane] for lane in seen):
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
