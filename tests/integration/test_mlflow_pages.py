"""A finished study on a real MLflow server, in a real browser; and a server that goes away and comes back."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, find_chromium
from finished_study import BUDGET, PATCHES, RUNG, begin, run_locally, tiny_study

from service.analysis.summary import summarise
from service.mlflow_sync import MlflowSync, default_tracking_uri
from service.mlflow_sync.connection import connect
from service.mlflow_sync.find_pages import find_pages
from service.mlflow_sync.pages import run_page
from service.preflight import Prepared
from service.records.store import Store
from service.report import build_report

PORTS = range(5601, 5651)


class Server:
    """A real ``mlflow server`` on this machine, in a process group of its own."""

    def __init__(self, backend: str, folder: Path) -> None:
        self.backend, self.folder = backend, folder
        self.port = next(port for port in PORTS if _free(port))
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self.backend, "--workers", "1"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--artifacts-destination", str(self.folder)]
        self.log = (self.folder / "server.log").open("ab")
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env=environment, start_new_session=True
        )
        deadline = time.monotonic() + 600
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=60):
                    return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise AssertionError((self.folder / "server.log").read_text()[-3000:]) from None
                time.sleep(0.3)

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(300)
        self.log.close()


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Store, MlflowSync]:
    """A study, trained, reported and recorded in the default SQLite store."""
    store = Store(tmp_path_factory.mktemp("pages") / "store")
    prepared = run_locally(tiny_study(), store)
    sync = MlflowSync(None, prepared, store)
    sync.check()
    build_report(prepared, store, command="dit-ablate run tiny.yaml")
    assert sync.finish() is None
    return prepared, store, sync


@pytest.fixture(scope="module")
def server(synced: tuple[Prepared, Store, MlflowSync], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(default_tracking_uri(synced[1]), tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine: the MLflow pages were not opened")
    with Browser(executable, tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def test_a_study_opens_on_its_prepared_view(
    synced: tuple[Prepared, Store, MlflowSync], server: Server, browser: Browser
) -> None:
    """Children by arm, the columns that a reader asks for, best first; then charts, and images by step."""
    prepared, store, _ = synced
    (found,) = find_pages(connect(server.url), "tiny", store.id)
    assert found.prepared
    browser.view(2600, 1600)  # a column that lies beyond the edge is not in the page
    browser.open(f"{server.url}/{found.page}")
    browser.wait_for_text("Model training", "Group by: arm", *(f"Group: {arm.name}" for arm in prepared.expansion.arms))
    columns = [
        *("tags.`arm`", "tags.`seed`", "tags.`status`", "metrics.`fd_digits_cnn_final`", "metrics.`vs_baseline`"),
        *("metrics.`gflops`", "metrics.`params_m`", "metrics.`device_minutes`"),
    ]
    # The grid appends its cells in the order in which they arrive; what a reader sees is where they stand.
    shown = (
        "[...document.querySelectorAll('.ag-header-cell')]"
        ".sort((one, other) => one.getBoundingClientRect().left - other.getBoundingClientRect().left)"
        ".map(cell => cell.getAttribute('col-id'))"
    )
    browser.wait_for(f"(found => {json.dumps(columns)}.every(name => found.includes(name)))({shown})")
    names = [name for name in browser.evaluate(shown) if name in columns]
    assert names == columns, "in this order"
    browser.wait_for_text(f"stopped: rungs at {RUNG} images", "completed", "diverged")

    browser.open(f"{server.url}/{found.page}&compareRunsMode=CHART")
    browser.wait_for_text("fd_digits_cnn", "gflops vs. fd_digits_cnn_final", "train_loss", "samples")
    lines = "[...document.querySelectorAll('.js-plotly-plot')].length"
    browser.wait_for(f"{lines} >= 3")
    grid = "[...document.images].filter(i => i.complete && i.naturalWidth && /compressed/.test(i.src)).map(i => i.src)"
    browser.wait_for(f"{grid}.length >= 2")
    sources = browser.evaluate(grid)
    assert all(f"step%2B{BUDGET}%2B" in source or f"step+{BUDGET}+" in source for source in sources), sources


def test_pages_show_parent_children_metrics_and_images(
    synced: tuple[Prepared, Store, MlflowSync], server: Server, browser: Browser
) -> None:
    prepared, store, sync = synced
    experiment, parent = sync.experiment_id, sync.parent_run_id
    assert experiment is not None and parent is not None
    runs = f"{server.url}/#/experiments/{experiment}/runs"

    browser.open(f"{server.url}/{run_page(experiment, parent)}")
    children = [trial.name for trial in prepared.expansion.trials]
    text = browser.wait_for_text("Finished", "Description", "Best arm", "best_fd_digits_cnn", *children)
    states = {str(status.state): status.trial for status in summarise(prepared, store).statuses}
    assert f"2 stopped: rungs at {RUNG} images" in text
    finished, stopped = states["completed"], states[f"stopped@{RUNG}"]
    links = browser.evaluate(
        "Object.fromEntries([...document.querySelectorAll('a')]"
        ".map(link => [link.innerText.trim().replace(/,$/, ''), link.href]))"
    )

    browser.open(links[finished.name])
    text = browser.wait_for_text("fd_digits_cnn_final", "train_loss", "gflops", "patch_size", "Finished")
    assert "model.patch_size" not in text and "training.batch_size" not in text
    value = store.evaluations(prepared.train_ids[finished.name], finished.config, [BUDGET])[BUDGET]["fd_digits_cnn"]
    assert f"{value.value:.6f}".rstrip("0")[:8] in text, "the metric's value is on the page"

    browser.open(links[stopped.name])
    text = browser.wait_for_text(f"stopped: rungs at {RUNG} images", "train_loss")
    assert "fd_digits_cnn_final" not in text and "Finished" not in text

    browser.open(f"{runs}/{parent}/artifacts/report/report.html")
    shown = "(() => { const f = document.querySelector('iframe'); return f ? f.srcdoc || f.src : '' })()"
    browser.wait_for(shown)

    browser.open(f"{runs}/{parent}/artifacts/tables/arms.json")
    browser.wait_for_text("difference", "verdict", "device time", "patch_size=8")


def test_artifacts_come_whole_from_the_server(synced: tuple[Prepared, Store, MlflowSync], server: Server) -> None:
    _, store, sync = synced
    for name in ("report/report.html", "report/figures/gflops-against-metric.png", "study.yaml"):
        with urllib.request.urlopen(
            f"{server.url}/get-artifact?path={name}&run_uuid={sync.parent_run_id}", timeout=300
        ) as answer:
            assert answer.read() == (store.study_dir("tiny") / name).read_bytes()


def test_server_that_goes_away_stops_nothing_and_catches_up(
    synced: tuple[Prepared, Store, MlflowSync], server: Server
) -> None:
    _, store, _ = synced
    prepared = begin(tiny_study("outage", ablations=[PATCHES]), store)
    sync = MlflowSync(server.url, prepared, store)
    sync.check()
    server.stop()
    assert sync.sync() is False
    problem = sync.finish()
    assert problem is not None and server.url in problem and "nothing is lost" in problem
    server.start()
    assert sync.finish() is None

    from mlflow import MlflowClient

    client: Any = MlflowClient(tracking_uri=server.url)
    runs = {run.info.run_name: run for run in client.search_runs([sync.experiment_id])}
    assert set(runs) == {"outage", *(trial.name for trial in prepared.expansion.trials)}
    assert runs["outage"].info.status == "FINISHED"
    assert runs["baseline seed=0"].data.tags["status"] == "reused"
    child = runs["baseline seed=0"].info.run_id
    steps = [item.path.split("+")[2] for item in client.list_artifacts(child, "images") if item.path.endswith(".png")]
    assert sorted(map(int, steps)) == [RUNG, BUDGET]
