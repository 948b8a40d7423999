"""One real Ray cluster for all integration tests, with everything about it explicit."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from long_studies import long_study
from processes import descendants, kill
from ray_actors import placement_groups
from s3_server import settings

from service.engine import run_segments
from service.preflight import Prepared, prepare
from service.records.store import Store

START_SECONDS = 600


@dataclass(frozen=True)
class RayCluster:
    """A started cluster of one node.

    Attributes:
        address: ``host:port``, for ``ray.init`` and ``run_segments``.
        dashboard: ``http://host:port``, for job submission.
        temp_dir: its files, logs included.
        s3_port: where its nodes look for an S3 server; a test that wants one there starts it.
    """

    address: str
    dashboard: str
    temp_dir: Path
    s3_port: int


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayCluster]:
    """A head node with 2 CPUs in processes of its own, as ``ray start`` makes it; nothing else can be joined by it."""
    head, dashboard, client, agent, s3 = free_ports(5)
    folder = Path(tempfile.mkdtemp(prefix="rayt-", dir="/tmp"))  # short: Ray puts sockets below it
    command = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=2", "--num-gpus=0",
        f"--port={head}", "--node-ip-address=127.0.0.1", f"--temp-dir={folder}",
        "--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}",
        f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}",
        "--object-store-memory=157286400", "--disable-usage-stats",
    ]  # fmt: skip
    unwanted = ("RAY_ADDRESS", "RAY_JOB_CONFIG_JSON_ENV_VAR")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted} | settings(s3)
    environment["RAY_worker_maximum_startup_concurrency"] = "8"
    # without this, a token in the home directory of whoever runs the tests switches authentication on
    environment["RAY_AUTH_MODE"] = "disabled"
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_AUTH_MODE", "disabled")
    for name in unwanted:
        patch.delenv(name, raising=False)
    with (folder / "start.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(process, f"http://127.0.0.1:{dashboard}/api/version", folder / "start.log")
        yield RayCluster(f"127.0.0.1:{head}", f"http://127.0.0.1:{dashboard}", folder, s3)
    finally:
        patch.undo()
        for pid in (*descendants(process.pid), process.pid):
            kill(pid)
        process.wait(timeout=300)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=30):
            return
        time.sleep(0.5)
    raise RuntimeError(f"the Ray cluster did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Prepared]:
    """A long study of one seed, trained without any disturbance; what others of its arms are compared with."""
    store, prepared = Store(tmp_path_factory.mktemp("undisturbed") / "store"), prepare(long_study(("careful", "bold")))
    run_segments(prepared, store, executor="local")
    return store, prepared


@pytest.fixture(autouse=True)
def nothing_left_on_the_cluster(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test nobody holds any of the cluster's resources, which the next test would wait for."""
    yield
    if "ray_cluster" in request.fixturenames:
        cluster: RayCluster = request.getfixturevalue("ray_cluster")
        until = time.monotonic() + 60
        while (groups := placement_groups(cluster.dashboard)) and time.monotonic() < until:
            time.sleep(0.2)
        assert groups == [], "left on the cluster"


@pytest.fixture(autouse=True)
def nothing_left_connected() -> Iterator[None]:
    """After a test this process holds no client of a cluster: such a client ends it when the cluster goes away."""
    yield
    import ray
    from ray.experimental.internal_kv import _internal_kv_initialized

    assert not ray.is_initialized()
    assert not _internal_kv_initialized()
