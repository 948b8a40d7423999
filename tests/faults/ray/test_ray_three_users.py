"""Three people's studies on four CPUs, two of which are lost in the middle: all finish, each arm trained once."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import ray_nodes
from observed import losses
from processes import kill
from ray_nodes import RayNodes
from sharing_drivers import shared_study, start, trained_once

from service.cluster_queue import ask, queue_of
from service.engine import read_live, run_segments
from service.preflight import prepare
from service.records.store import Store

pytestmark = [pytest.mark.faults, pytest.mark.skipif(bool(ray_nodes.cannot()), reason=ray_nodes.cannot() or "none")]
STUDIES = {"first": ("ada", 1e-3, 200, 3), "second": ("ben", 1e-3, 200, 4), "third": ("cy", 3e-3, 200, 2)}
"""Name -> user, learning rate, steps, seeds: the first one's trainings are the second one's, too."""


@pytest.fixture
def nodes() -> Iterator[RayNodes]:
    """A head without CPUs, on which the drivers are, and two nodes of two CPUs."""
    with pytest.MonkeyPatch.context() as patch, ray_nodes.nodes() as cluster:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        cluster.head(0)
        for name in ("n2", "n3"):
            cluster.add(name, 2)
        yield cluster


def test_three_users_and_a_lost_node(nodes: RayNodes, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    drivers: dict[str, subprocess.Popen[bytes]] = {}
    history: list[dict[str, str]] = []

    def look() -> dict[str, str]:
        """Prints who has which lanes, whenever it has changed."""
        places = queue_of(ask(nodes.address)).places
        seen = {item.advert.study: f"{item.advert.up}/{item.advert.held} of {item.standing.share}" for item in places}
        if not history or history[-1] != seen:
            history.append(seen)
            print(f"{time.strftime('%X')} up/held of due: {seen}")
        return seen

    def until(true: Callable[[], bool], seconds: float = 500) -> None:
        end = time.monotonic() + seconds
        while not true():
            look()
            for name, driver in drivers.items():
                assert driver.poll() in (None, 0), (tmp_path / f"{name}.log").read_text()[-3000:]
            assert time.monotonic() < end, "\n".join(log.read_text()[-2000:] for log in tmp_path.glob("*.log"))
            time.sleep(2)

    def up(name: str) -> int:
        live = read_live(store, name)
        return 0 if live is None else live.lanes_up

    try:
        for name, (user, *study) in STUDIES.items():
            drivers[name] = start(tmp_path, store, nodes.address, user, name, *study)
            until(lambda name=name: up(name) > 0 or drivers[name].poll() == 0)
        nodes.kill("n3")
        until(lambda: all(driver.poll() == 0 for driver in drivers.values()))
    finally:
        for name, driver in drivers.items():
            kill(driver.pid)
            driver.wait()
            print(name, (tmp_path / f"{name}.log").read_text())

    assert any(len(seen) == 3 for seen in history), "they were there at once"
    reference = Store(tmp_path / "reference")
    for name, (_, rate, steps, seeds) in STUDIES.items():
        prepared = prepare(shared_study(name, rate, steps, seeds))
        run_segments(prepared, reference, executor="local")
        for trial in prepared.expansion.trials:
            trained_once(store, prepared.train_ids[trial.name])
            assert losses(store, prepared, trial.name) == losses(reference, prepared, trial.name)
