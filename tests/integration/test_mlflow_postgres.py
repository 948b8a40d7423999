"""A study recorded by a real MLflow server on PostgreSQL and S3, both of which are killed and come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow_rows import db_of, rows
from tiny_study import write_study
from tracking_server import BUCKET, Tracking, why_not

from service.client import Client
from service.engine import Snapshot
from service.mlflow_sync import connection
from service.records.store import Store


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracking]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    servers = Tracking(tmp_path_factory.mktemp("servers"))
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


def killing(tracking: Tracking, name: str, client: Client, due: Callable[[], bool]) -> threading.Thread:
    """A thread that kills a server as soon as it is due."""

    def wait() -> None:
        deadline = time.monotonic() + 600
        while not due() and time.monotonic() < deadline:
            time.sleep(0.005)
        tracking.kill(name)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_every_row_once_whatever_is_killed(tracking: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 5.0)
    study = write_study(tmp_path)
    client = Client(tmp_path / "store", tracking.uri)
    seen = 0

    def update(snapshot: Snapshot) -> None:
        nonlocal seen
        seen = max(seen, snapshot.segments_done)
        if seen == 2:
            # the driver waits here until rows of its first segments are there, then the server is killed
            deadline = time.monotonic() + 600
            while not tracking.rows() and time.monotonic() < deadline:
                time.sleep(0.05)
            seen = 3
            tracking.kill("mlflow")

    result = client.run(study, executor="local", on_update=update)
    assert seen > 2 and result.done and not len(result.failed)
    (warning,) = result.warnings
    assert "not up to date" in warning and "dit-ablate sync tiny --tracking-uri" in warning
    some = tracking.rows()
    assert some and set(some.values()) == {1}

    # MLflow is back, and PostgreSQL is killed while it catches up
    tracking.start_mlflow()
    killer = killing(tracking, "postgres", client, lambda: tracking.rows() != some)
    problem = client.sync()["tiny"]
    killer.join()
    assert problem is not None and "not up to date" in problem and "\n" not in problem
    tracking.start_postgres()
    between = tracking.rows()
    assert sum(between.values()) > sum(some.values()) and set(between.values()) == {1}

    deadline = time.monotonic() + 600
    while client.sync()["tiny"] is not None and time.monotonic() < deadline:
        time.sleep(0.5)  # the server's connections to the old PostgreSQL are gone after a try or two
    expected = Client(tmp_path / "store").sync()
    assert expected == {"tiny": None}
    assert tracking.rows() == rows(db_of(Store(tmp_path / "store"))) and set(tracking.rows().values()) == {1}

    held = [item["Key"] for item in tracking.s3().list_objects_v2(Bucket=BUCKET)["Contents"]]
    for name, number in (("evaluations.json", 6), ("gflops.json", 6), ("report/report.html", 1)):
        assert len([key for key in held if key.endswith(f"/artifacts/{name}")]) == number, name
    before = tracking.rows()
    assert client.sync() == {"tiny": None} and tracking.rows() == before
