"""A head whose state is in Redis dies and comes back: the nodes stay, and so does the run."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray_nodes
from observed import losses
from ray_nodes import RayNodes
from sharing_drivers import shared_study, start, trained_once

from service.engine import read_live, run_segments
from service.preflight import prepare
from service.records.store import Store

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(bool(ray_nodes.cannot()), reason=ray_nodes.cannot() or "none"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]
STUDY = ("persistent", 1e-3, 250, 2)
SECONDS = 900


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What tells a head where its state is kept."""
    port = "6390"
    command = ["redis-server", "--port", port, "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield {"RAY_REDIS_ADDRESS": f"127.0.0.1:{port}"}
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def nodes(redis: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[RayNodes]:
    """A head without CPUs and two nodes of one CPU."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with ray_nodes.nodes() as cluster:
        cluster.head(0, **redis)
        for name in ("n2", "n3"):
            cluster.add(name, 1)
        yield cluster


def test_a_run_outlives_its_head(nodes: RayNodes, redis: dict[str, str], tmp_path: Path) -> None:
    """The driver is on another node, as a job with CPUs on a head without is."""
    store = Store(tmp_path / "store")
    prepared = prepare(shared_study(*STUDY))
    driver = start(tmp_path, store, nodes.address, "ada", *STUDY, node=nodes.ip("n2"))
    log = tmp_path / "persistent.log"
    try:
        until = time.monotonic() + SECONDS
        while (live := read_live(store, STUDY[0])) is None or sum(item.images > 0 for item in live.running) < 2:
            assert driver.poll() is None and time.monotonic() < until, log.read_text()[-3000:]
            time.sleep(0.2)
        nodes.kill("n1")
        (nodes.folder / "ray_current_cluster").unlink()  # a new machine, or pod, would not have it either
        nodes.head(0, **redis)
        driver.wait(timeout=SECONDS)
    finally:
        driver.kill()
        driver.wait()
    assert driver.returncode == 0, log.read_text()[-3000:]
    assert all(process.poll() is None for process in nodes.processes.values()), "the nodes stayed"
    reference = Store(tmp_path / "undisturbed")
    run_segments(prepared, reference, executor="local")
    for trial in prepared.expansion.trials:
        trained_once(store, prepared.train_ids[trial.name])
        assert losses(store, prepared, trial.name) == losses(reference, prepared, trial.name)
