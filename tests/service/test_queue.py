"""Who waits behind whom, as ``queue`` and ``status`` show it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from finished_study import run_locally, tiny_study
from rendered import plain
from tiny_study import dit_ablate

from service.cli.queue import render
from service.cluster_queue import queue_of, store_hours
from service.engine import read_live, run_segments
from service.engine.ledger import Ledger
from service.engine.sharing.advert import Advert, Capacity, Notice
from service.engine.watch import Watch
from service.preflight import Prepared
from service.records.store import Store
from service.user import USER_VARIABLE


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Prepared]:
    patch = pytest.MonkeyPatch()
    patch.setenv(USER_VARIABLE, "ada")
    store = Store(tmp_path_factory.mktemp("queue") / "store")
    study = tiny_study(ablations=[{"axis": "patch_size", "values": [4]}], seeds=[0], rungs=[])
    prepared = run_locally(study, store)
    patch.undo()
    return store, prepared


def test_the_queue_of_a_busy_cluster(finished: tuple[Store, Prepared]) -> None:
    notice = Notice(
        (
            Advert("1", "sizes", "ada", wanted=9, held=3, up=3, since=1e9, device_seconds=7200, host="head", pid=7),
            Advert("2", "blocks", "ben", workers=4, cpus=4, wanted=2, since=1e9 + 60),
            Advert("3", "rates", "cy", wanted=1, held=1, since=1e9 + 90, weight=2),
        ),
        Capacity(((4.0, 0.0),)),
        began=1e9,
        device_seconds={"ada": 10800.0, "ben": 0.0},
    )
    found = queue_of(notice, finished[0])
    text = "".join(plain(part, 200) for part in render(found))
    rows = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert rows["sizes"].split()[1:3] == ["ada", "runs"] and "2 h" in rows["sizes"]
    assert "waits behind 'sizes' (user ada) and 'rates' (user cy)" in rows["blocks"] and "4 x 4 CPU" in rows["blocks"]
    assert "starts" in rows["rates"]
    assert "Device-hours on this cluster since 2001-09-09" in text and "ada 3 h, ben 0 h" in text
    assert re.search(r"Device-hours in this store's runs that have ended: ada [0-9.]+ h\n", text)

    data = json.loads(json.dumps(found.to_json()))
    assert [item["lanes"] for item in data["studies"]] == [
        {"up": 3, "held": 3, "share": 3, "wanted": 9},
        {"up": 0, "held": 0, "share": 0, "wanted": 2},
        {"up": 0, "held": 1, "share": 1, "wanted": 1},
    ]
    assert data["studies"][1]["behind"][0] == {"study": "sizes", "user": "ada"}
    assert data["studies"][0]["since"] == "2001-09-09T01:46:40+00:00" and data["studies"][0]["driver"]["pid"] == 7


def test_an_idle_cluster_is_one_sentence() -> None:
    assert "".join(plain(part, 80) for part in render(queue_of(None))) == "No study runs or waits on this cluster.\n"
    assert queue_of(None).to_json()["studies"] == []


def test_mistakes_are_one_sentence() -> None:
    assert "address: give the cluster whose queue is meant" in dit_ablate("queue").stderr
    wrong = dit_ablate("queue", "--address", "http://head:8265")
    assert wrong.exit_code == 2 and "-- dit-ablate queue --address auto" in wrong.stderr
    assert "no Ray cluster answers at 127.0.0.1:1" in dit_ablate("queue", "--address", "127.0.0.1:1").stderr


def test_device_hours_are_counted_by_user(finished: tuple[Store, Prepared]) -> None:
    store, _ = finished
    [run] = store.runs("tiny").values()
    assert run.user == "ada" and run.device_seconds is not None and run.device_seconds > 0
    assert store_hours(store) == {"ada": run.device_seconds / 3600}


def said_so(store: Store, waiting: str) -> None:
    until = time.monotonic() + 300
    while (live := read_live(store, "tiny")) is None or live.waiting != waiting:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_run_without_lanes_is_not_called_unfinished(finished: tuple[Store, Prepared], tmp_path: Path) -> None:
    """A study with more to do, whose run says what it waits for, as a driver on a full cluster does."""
    store, prepared = finished
    assert "not finished" not in dit_ablate("status", "tiny", "--store", store.path).stdout
    with Watch(Ledger(prepared, store), store, None, claims_always=True) as watch:
        said_so(store, "")
        starting = dit_ablate("status", "tiny", "--store", store.path).stdout
        assert "Study tiny: starting (" in starting
        assert "Resume" not in starting and "Again" not in starting and "dit-ablate stop tiny --store" in starting
        watch.waiting = "waiting behind 'a' (user x) for 2 x 4 CPU since 10:31 UTC"
        said_so(store, watch.waiting)
        shown = dit_ablate("status", "tiny", "--store", store.path).stdout
        assert "Study tiny: waiting behind 'a' (user x) for 2 x 4 CPU since 10:31 UTC (" in shown
        told = json.loads(dit_ablate("status", "tiny", "--store", store.path, "--json").stdout)
        assert told["running"] is True and told["waiting"] == watch.waiting
    after = dit_ablate("status", "tiny", "--store", store.path).stdout
    assert "waiting" not in after and "Again" in after
    assert run_segments(prepared, store, executor="local").timings == ()
