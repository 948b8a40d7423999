"""Photographs what a person sees of a study: MLflow's pages, the report, the terminal.

    python benchmarks/screenshots.py STORE OUT [--study NAME] [--port 5599]

Needs Chromium, and a study that has ended and whose report is written (`dit-ablate report` writes it anew). MLflow's
pages come from `dit-ablate ui`; its assistant's panel, which opens by itself on a first visit, is closed. The pictures
should be enough to say which arm won, by how much and how surely, what was stopped and why, what it cost, and how to do
it again.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from browser import Browser, find_chromium  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.text import Text  # noqa: E402

from service.client import Client  # noqa: E402
from service.mlflow_sync.find_pages import find_pages  # noqa: E402
from service.mlflow_sync.pages import run_page  # noqa: E402
from service.records.store import Store  # noqa: E402

_NO_ASSISTANT = "(b => { if (b) b.click(); return true })(document.querySelector('button[aria-label=Close]'))"
_SHOW_MORE = "[...document.querySelectorAll('button, a')].filter(b => b.innerText === 'Show more').map(b => b.click())"
_CHARTS = "document.querySelectorAll('.js-plotly-plot').length >= 3"
_PICTURES = "[...document.images].filter(i => /compressed/.test(i.src) && i.complete && i.naturalWidth).length >= 2"


def main() -> None:
    """Writes every picture, and says where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("out", type=Path)
    parser.add_argument("--study", help="which of the store's studies; the first unless given")
    parser.add_argument("--port", type=int, default=5599)
    given = parser.parse_args()
    executable = find_chromium()
    if executable is None:
        sys.exit("no Chromium on this machine")
    given.out.mkdir(parents=True, exist_ok=True)
    store = Client(store=given.store).require_store()
    study = given.study or Client(store=given.store).studies()[0]
    with tempfile.TemporaryDirectory() as folder, Browser(executable, Path(folder) / "chromium") as browser:
        report(browser, store, study, given.out)
        for columns in (80, 200):
            terminal(browser, given.store, study, columns, given.out, Path(folder))
        url = f"http://127.0.0.1:{given.port}"
        server = serve(given.store, given.port, url)
        try:
            mlflow_pages(browser, url, store, study, given.out)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    for path in sorted(given.out.glob("*.png")):
        print(path)


def report(browser: Browser, store: Store, study: str, out: Path) -> None:
    """The report in light and dark, and on a telephone."""
    page = (store.study_dir(study) / "report" / "report.html").resolve().as_uri()
    for name, width, dark in (("light", 1280, False), ("dark", 1280, True), ("390px", 390, False)):
        browser.view(width, 900, dark=dark)
        browser.open(page)
        browser.wait_for("document.readyState === 'complete' && document.body.innerText.length > 500")
        browser.view(width, 20_000, dark=dark)  # figures are drawn when they come into view
        browser.wait_for("[...document.querySelectorAll('.panel')].every(p => p.dataset.drawn || !p.offsetParent)")
        browser.photograph(out / f"report-{name}.png", whole=True)


def terminal(browser: Browser, store: str, study: str, columns: int, out: Path, folder: Path) -> None:
    """What `dit-ablate status` prints in a terminal of so many columns."""
    command = [sys.executable, "-m", "service", "status", study, "--store", store]
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(columns), "TERM": "xterm-256color"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    drawn = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    drawn.print(Text(f"$ dit-ablate status {study}", style="bold"))
    drawn.print(Text.from_ansi(said.stdout + said.stderr), soft_wrap=True)
    page = folder / f"terminal-{columns}.svg"
    drawn.save_svg(str(page), title=f"{columns} columns")
    browser.view(min(2400, columns * 13), 900)
    browser.open(page.as_uri())
    browser.wait_for("document.documentElement.tagName === 'svg'")
    browser.photograph(out / f"terminal-{columns}.png", whole=True)


def serve(store: str, port: int, url: str) -> subprocess.Popen[bytes]:
    """Starts `dit-ablate ui` and waits until it answers."""
    command = [sys.executable, "-m", "service", "ui", "--store", store, "--port", str(port), "--no-browser"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
    until = time.monotonic() + 600
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=10):
                return process
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    sys.exit("`dit-ablate ui` does not answer")


def mlflow_pages(browser: Browser, url: str, store: Store, study: str, out: Path) -> None:
    """The experiment's table and charts, the study's run, two trials, and trials compared."""
    client = MlflowClient(tracking_uri=url)
    (found,) = find_pages(client, study, store.id)
    experiment = str(client.get_experiment_by_name(study).experiment_id)
    runs = client.search_runs([experiment], "tags.kind = 'trial'")
    parent = client.search_runs([experiment], "tags.kind = 'study'")[0]
    best = parent.data.tags["best"]
    first = {run.data.tags["arm"]: run for run in sorted(runs, key=lambda run: -int(run.data.tags["seed"]))}
    stopped = next((run for run in runs if run.data.tags["status"].startswith("stopped")), None)

    def shoot(name: str, page: str, height: int, *ready: str, then: str = "true") -> None:
        browser.view(1600, height)
        browser.open(f"{url}/{page}")
        for condition in ready:
            browser.wait_for(condition)
        browser.evaluate(_NO_ASSISTANT)
        browser.evaluate(f"({then}, true)")
        time.sleep(3)  # the pages move things about after they have loaded
        browser.photograph(out / f"mlflow-{name}.png")

    shoot("experiment", found.page, 1250, text(f"Group: {best}"))
    shoot("charts", f"{found.page}&compareRunsMode=CHART", 1400, _CHARTS, _PICTURES)
    shoot("parent", run_page(experiment, parent.info.run_id), 1700, text("Description"), then=_SHOW_MORE)
    shoot("tables", f"{run_page(experiment, parent.info.run_id, 'artifacts/tables/arms.json')}", 900, text("verdict"))
    shoot("child", run_page(experiment, first[best].info.run_id), 1500, text("Description"), then=_SHOW_MORE)
    if stopped is not None:
        shoot("stopped", run_page(experiment, stopped.info.run_id), 1500, text("Description"), then=_SHOW_MORE)
    compared = quote(str([run.info.run_id for run in first.values()]).replace("'", '"').replace(" ", ""))
    arms = f"#/compare-runs?runs={compared}&experiments=%5B%22{experiment}%22%5D&workflowType=machine_learning"
    shoot("compare", arms, 1500, text("Parallel Coordinates"))


def text(wanted: str) -> str:
    """A condition: the page shows this text."""
    return f"Boolean(document.body && document.body.innerText.includes({wanted!r}))"


if __name__ == "__main__":
    main()
