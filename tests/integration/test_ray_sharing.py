"""Three people's studies on two CPUs: a lane is given up, the third waits, a dead driver's lane is freed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from observed import losses
from processes import kill
from ray.util.state import list_actors
from ray_actors import left_behind
from sharing_drivers import shared_study, start, trained_once
from tiny_study import dit_ablate

from service.engine import read_live, request_stop, run_segments
from service.preflight import prepare
from service.records.store import Store

ENDLESS = (20_000, 2)  # steps, seeds


def board(dashboard: str) -> int:
    """Process id of the cluster's board."""
    [found] = [item.pid for item in list_actors(address=dashboard, filters=[("state", "=", "ALIVE")])
               if item.class_name == "Board"]  # fmt: skip
    return int(found)


def lanes(told: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Study -> lanes held and due."""
    return {item["study"]: (item["lanes"]["held"], item["lanes"]["share"]) for item in told["studies"]}


def test_three_users_share_a_cluster(ray_cluster, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    drivers: dict[str, subprocess.Popen[bytes]] = {}

    def begin(user: str, name: str, *study: float) -> None:
        drivers[name] = start(tmp_path, store, ray_cluster.address, user, name, *study)

    def until(true: Callable[[], bool], seconds: float = 900) -> None:
        end = time.monotonic() + seconds
        while not true():
            for name, driver in drivers.items():
                assert driver.poll() in (None, 0), (tmp_path / f"{name}.log").read_text()[-3000:]
            assert time.monotonic() < end, "\n".join(log.read_text()[-2000:] for log in tmp_path.glob("*.log"))
            time.sleep(0.5)

    def up(name: str) -> int:
        live = read_live(store, name)
        return 0 if live is None else live.lanes_up

    def told() -> dict[str, Any]:
        return json.loads(dit_ablate("queue", "--address", ray_cluster.address, "--json").stdout)

    def waiting(name: str) -> str:
        live = read_live(store, name)
        return "" if live is None else live.waiting

    try:
        begin("ada", "first", 1e-3, *ENDLESS)
        until(lambda: up("first") == 2)
        begin("ben", "second", 2e-3, *ENDLESS)
        until(lambda: "second" in lanes(told()))
        begin("cy", "third", 3e-3, 60, 2)
        until(lambda: (up("first"), up("second")) == (1, 1) and bool(waiting("third")))
        both = "behind 'first' (user ada) and 'second' (user ben)"
        assert waiting("third").startswith(f"waiting {both} for 1 x 1 CPU since ")

        shown = dit_ablate("queue", "--address", ray_cluster.address)
        assert f"waits {both}" in " ".join(shown.stdout.split())
        before = told()
        assert lanes(before) == {"first": (1, 1), "second": (1, 1), "third": (0, 0)}
        assert before["device_hours"]["cluster"]["ada"] > 0 and before["capacity"]["CPU"] == 2

        kill(board(ray_cluster.dashboard))
        until(lambda: lanes(told()) == lanes(before))
        since = [[item["since"] for item in found["studies"]] for found in (before, told())]
        assert since[0] == since[1], "the next board has been told who came first"

        first = drivers.pop("first")
        kill(first.pid)
        first.wait()
        until(lambda: drivers["third"].poll() == 0)
        assert up("second") >= 1, "nobody else's lane was touched"
        request_stop(store, "second")
        until(lambda: drivers["second"].poll() == 0)
    finally:
        for driver in drivers.values():
            kill(driver.pid)
            driver.wait()

    assert left_behind(ray_cluster.dashboard) == [], "a dead driver leaves nothing, the board goes at last"
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
