"""A finished study on a real MLflow server, in a real browser; and a server that goes away and comes back."""

from __future__ import annotations

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
from finished_study import PATCHES, RUNG, begin, run_locally, tiny_study

from service.analysis.summary import summarise
from service.mlflow_sync import MlflowSync, default_tracking_uri
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


def test_pages_show_parent_children_metrics_and_images(
    synced: tuple[Prepared, Store, MlflowSync], server: Server, browser: Browser
) -> None:
    prepared, store, sync = synced
    runs = f"{server.url}/#/experiments/{sync.experiment_id}/runs"

    browser.open(runs)
    browser.wait_for_text("tiny", "Small questions")

    browser.open(f"{runs}/{sync.parent_run_id}")
    children = [trial.name for trial in prepared.expansion.trials]
    text = browser.wait_for_text("Finished", "Description", *children)
    states = {
        str(status.state): status.trial for status in summarise(prepared, store).statuses if status.trial.seed == 0
    }
    assert f"2 stopped@{RUNG}" in text
    finished, stopped = states["completed"], states[f"stopped@{RUNG}"]
    links = browser.evaluate(
        "Object.fromEntries([...document.querySelectorAll('a')]"
        ".map(link => [link.innerText.trim().replace(/,$/, ''), link.href]))"
    )

    browser.open(links[finished.name])
    text = browser.wait_for_text("fd_digits_cnn_final", "train_loss", "gflops", "model.patch_size", "Finished")
    value = store.evaluations(prepared.train_ids[finished.name], finished.config, [256])[256]["fd_digits_cnn"].value
    assert f"{value:.6f}".rstrip("0")[:8] in text, "the metric's value is on the page"

    browser.open(links[stopped.name])
    text = browser.wait_for_text(f"stopped@{RUNG}", "train_loss")
    assert "fd_digits_cnn_final" not in text and "Finished" not in text

    run = links[finished.name].rpartition("/")[2]
    browser.open(f"{runs}/{run}/artifacts/samples/{256:09d}.png")
    browser.wait_for("[...document.images].some(i => i.complete && i.naturalWidth > 400)")

    browser.open(f"{runs}/{sync.parent_run_id}/artifacts/report/report.html")
    shown = "(() => { const f = document.querySelector('iframe'); return f ? f.srcdoc || f.src : '' })()"
    browser.wait_for(shown)


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
    assert [item.path for item in client.list_artifacts(child, "samples")] == [
        f"samples/{RUNG:09d}.png",
        f"samples/{256:09d}.png",
    ]
