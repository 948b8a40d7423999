"""Nodes join and are lost in the middle of a run: lanes follow, the others train on, to the same numbers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import ray_nodes
from long_studies import long_study, states, under_way
from observed import losses
from processes import kill
from ray_actors import placement_groups, train_workers
from ray_nodes import RayNodes
from sharing_drivers import trained_once

import service
from dit_core.errors import UserError
from service.engine import Snapshot, run_segments
from service.engine.doctor import examine
from service.preflight import Prepared, prepare
from service.records.store import Store

pytestmark = [pytest.mark.faults, pytest.mark.skipif(bool(ray_nodes.cannot()), reason=ray_nodes.cannot() or "none")]
ARMS = ("careful", "bold", "brave", "calm", "eager")
STEPS = 350


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    """A head without CPUs, on which drivers are, and two nodes of one CPU."""
    with pytest.MonkeyPatch.context() as patch, ray_nodes.nodes() as cluster:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        cluster.head(0)
        for name in ("n2", "n3"):
            cluster.add(name, 1)
        yield cluster


def local(prepared: Prepared, folder: Path) -> Store:
    """The same study, undisturbed."""
    store = Store(folder / "undisturbed")
    run_segments(prepared, store, executor="local")
    return store


def hiding(folder: Path) -> tuple[str, ...]:
    """A command under which a folder is empty."""
    return "unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {folder} && exec "$@"', "sh"


def test_lanes_follow_the_nodes(nodes: RayNodes, tmp_path: Path) -> None:
    """A worker is killed, then a node joins, then another one is lost."""
    # long enough for Ray to take a silent node for dead while the others train
    prepared, store = prepare(long_study(ARMS, steps=STEPS)), Store(tmp_path / "store")
    done: list[str] = []
    joining = threading.Thread(target=nodes.add, args=("n4", 1))

    def disturb(snapshot: Snapshot) -> None:
        training = under_way(snapshot)
        if not done and len(training) == 2:
            kill(train_workers(nodes.dashboard)[0])
            joining.start()
            done.append("worker")
        elif done == ["worker"] and snapshot.lanes == 3 and len(training) == 3:
            nodes.kill("n2")
            done.append("node")

    try:
        outcome = run_segments(prepared, store, address=nodes.address, on_update=disturb)
    finally:
        if joining.ident is not None:
            joining.join()
    assert done == ["worker", "node"], outcome.messages
    said = " ".join(outcome.messages)
    assert "lane-2 is added" in said and "is retired" in said, "capacity that joins is used, that goes is given up"
    assert set(states(outcome).values()) == {"completed"}
    failures = store.failures("tiny")
    assert len(failures) == 2 and {failure.outcome for failure in failures} == {"lost"}
    assert {failure.cause for failure in failures} == {"lost worker", "lost node"}, failures
    for trial in prepared.expansion.trials:
        trained_once(store, prepared.train_ids[trial.name])
    hit = {failure.trial for failure in failures}
    disturbed = {trial.arm.name for trial in prepared.expansion.trials if trial.name in hit}
    arms = tuple(arm for arm in prepared.expansion.arms if arm.is_baseline or arm.name in disturbed)
    reference = local(prepare(replace(prepared.expansion, arms=arms)), tmp_path)
    for trial in hit:
        assert losses(store, prepared, trial) == losses(reference, prepared, trial)
    assert placement_groups(nodes.dashboard) == []


def test_workers_on_two_nodes_whose_hostname_is_the_loopback(nodes: RayNodes, tmp_path: Path) -> None:
    prepared, store = prepare(long_study((), steps=40, workers=2)), Store(tmp_path / "store")
    outcome = run_segments(prepared, store, address=nodes.address)
    assert states(outcome) == {"baseline": "completed"} and not outcome.messages
    mine = losses(store, prepared, "baseline seed=0")
    theirs = losses(local(prepared, tmp_path), prepared, "baseline seed=0")
    assert [loss for _, loss, _ in mine] == pytest.approx([loss for _, loss, _ in theirs], rel=1e-4)


def test_a_node_that_cannot_work_is_named_before_anything_runs(nodes: RayNodes, tmp_path: Path) -> None:
    """One node lacks the store, one the package: the run says so, and so does the doctor."""
    store = Store(tmp_path / "store")
    nodes.add("n5", 1, prefix=hiding(tmp_path))
    nodes.add("n6", 1, prefix=hiding(Path(service.__file__).parent))
    try:
        store_missing = f"node {nodes.ip('n5')} does not see the driver's store {store.place} (store: there is none at"
        package_missing = f"node {nodes.ip('n6')} cannot import service.engine: dit-ablate is not installed there"
        with pytest.raises(UserError, match=f"{re.escape(store_missing)}|{package_missing}"):
            run_segments(prepare(long_study()), store, address=nodes.address)
        assert not list(store.path.glob("trials/*/*/*.safetensors")), "nothing was trained"
        assert not list(store.path.glob("trials/*/evaluations/*")), "nothing was measured"
        wrong = [finding.text for finding in examine(nodes.address, store, None) if not finding.right]
        assert [text[: len(store_missing)] for text in wrong if nodes.ip("n5") in text] == [store_missing], wrong
        assert [text[: len(package_missing)] for text in wrong if nodes.ip("n6") in text] == [package_missing], wrong
        assert len(wrong) == 2, wrong
    finally:
        for name in ("n5", "n6"):
            nodes.kill(name)
