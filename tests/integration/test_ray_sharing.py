"""Three people's studies on two CPUs: a lane is given up, the third waits behind both, a dead driver's lane is freed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from observed import losses
from processes import kill
from ray_actors import left_behind
from sharing_drivers import shared_study, start, trained_once
from tiny_study import dit_ablate

from service.engine import read_live, request_stop, run_segments
from service.preflight import prepare
from service.records.store import Store

ENDLESS = (20_000, 2)  # steps, seeds


def test_three_users_share_a_cluster(ray_cluster, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    drivers: dict[str, subprocess.Popen[bytes]] = {}

    def begin(user: str, name: str, *study: float) -> None:
        drivers[name] = start(tmp_path, store, ray_cluster.address, user, name, *study)

    def until(true: Callable[[], bool], seconds: float = 300) -> None:
        end = time.monotonic() + seconds
        while not true():
            for name, driver in drivers.items():
                assert driver.poll() in (None, 0), (tmp_path / f"{name}.log").read_text()[-3000:]
            assert time.monotonic() < end, "\n".join(log.read_text()[-2000:] for log in tmp_path.glob("*.log"))
            time.sleep(0.5)

    def up(name: str) -> int:
        live = read_live(store, name)
        return 0 if live is None else live.lanes_up

    def waiting(name: str) -> str:
        live = read_live(store, name)
        return "" if live is None else live.waiting

    try:
        begin("ada", "first", 1e-3, *ENDLESS)
        until(lambda: up("first") == 2)
        begin("ben", "second", 2e-3, *ENDLESS)
        until(lambda: read_live(store, "second") is not None)
        time.sleep(2)  # it is on the board before the next one
        begin("cy", "third", 3e-3, 60, 2)
        until(lambda: (up("first"), up("second")) == (1, 1) and bool(waiting("third")))
        both = "behind 'first' (user ada) and 'second' (user ben)"
        assert waiting("third").startswith(f"waiting {both} for 1 x 1 CPU since ")

        shown = dit_ablate("queue", "--address", ray_cluster.address)
        assert f"waits {both}" in " ".join(shown.stdout.split())
        told = json.loads(dit_ablate("queue", "--address", ray_cluster.address, "--json").stdout)
        lanes = {item["study"]: (item["lanes"]["held"], item["lanes"]["share"]) for item in told["studies"]}
        assert lanes == {"first": (1, 1), "second": (1, 1), "third": (0, 0)}
        assert told["device_hours"]["cluster"]["ada"] > 0 and told["capacity"]["CPU"] == 2

        kill(drivers.pop("first").pid)
        until(lambda: drivers["third"].poll() == 0)
        assert up("second") >= 1, "nobody else's lane was touched"
        request_stop(store, "second")
        until(lambda: drivers["second"].poll() == 0)
    finally:
        for driver in drivers.values():
            kill(driver.pid)
            driver.wait()

    assert left_behind(ray_cluster.dashboard) == [], "the board goes with the last driver"
    assert dit_ablate("queue", "--address", ray_cluster.address).stdout == "No study runs or waits on this cluster.\n"
    assert "lane-1 is retired" not in (tmp_path / "second.log").read_text()

    # what was given up in the middle went on where it was, to the same numbers
    given_up = prepare(shared_study("first", 1e-3, *ENDLESS))
    short = prepare(shared_study("first", 1e-3, 40, 2))
    reference = Store(tmp_path / "reference")
    run_segments(short, reference, executor="local")
    for trial in ("baseline seed=0", "baseline seed=1"):
        trained_once(store, given_up.train_ids[trial])
        mine, theirs = losses(store, given_up, trial), losses(reference, short, trial)
        common = min(len(mine), len(theirs))
        assert common > 0 and mine[:common] == theirs[:common]
    assert {run.user for run in store.runs("third").values()} == {"cy"}
    assert {run.user for run in store.runs("second").values()} == {"ben"}
