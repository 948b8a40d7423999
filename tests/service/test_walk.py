"""The fifteen things that a new user does, one after another, by the command line, on a small study that really trains.

Tests of this file go on from each other, in their order.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tiny_study import BATCH, TINY, dit_ablate, write_study
from typer.testing import Result

from service.client import Client
from service.engine.runner import SegmentRun

pytestmark = pytest.mark.slow
PLAN = """# What matters

### Patch Size
- **Ablated Part**: patch size
- **Action**: REPLACE
- **Replacement**:
  - 2
  - 4
"""
LOCAL = ("--executor", "local")


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the user works in; paths are typed relative to it."""
    folder = tmp_path_factory.mktemp("walk")
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def done(*arguments: object, code: int = 0) -> Result:
    result = dit_ablate(*arguments)
    assert result.exit_code == code, f"{arguments}: {result.output}{result.stderr}"
    return result


def verdicts(study: str, store: str = "dit-ablate-store") -> str:
    return Client(store).status(study).contrasts.to_json()


def statuses(study: str) -> dict[str, str]:
    """Trial -> its status, as ``status --json`` has it."""
    rows = json.loads(done("status", study, "--json").stdout)["trials"]
    return {row["arm"] + f" seed={row['seed']}": str(row["status"]) for row in rows}


def settings() -> list[str]:
    return [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]


def test_01_runs_a_written_plan(walk: Path) -> None:
    (walk / "demo.md").write_text(PLAN)
    ask = ("demo.md", "--profile", "digits", "--seeds", "0,1", "--budget", 2 * BATCH, "--rungs", BATCH, *settings())
    assert "patch_size=4" in done("plan", *ask).stdout
    told = done("run", *ask, *LOCAL).stdout
    assert "Study demo-digits: done. 4 of 4 trials" in told and "Report  " in told


def test_02_reads_its_report(walk: Path) -> None:
    done("report", "demo-digits")
    page = walk / "dit-ablate-store" / "studies" / "demo-digits" / "report" / "report.html"
    html = page.read_text()
    assert html.index('id="verdicts"') < html.index("2 arms with 2 seeds each") and "patch_size=4" in html


def test_03_extends_it_with_an_arm(walk: Path) -> None:
    done("import", "demo.md", "-o", "demo.yaml")
    write_study(walk, name="mine", policy="none", budget_images=2 * BATCH, rungs=[], seeds=[0],
                ablations=[{"name": "Patch", "axis": "patch_size", "values": [2, 4]}])  # fmt: skip
    done("run", "study.yaml", *LOCAL)
    text = (walk / "study.yaml").read_text()
    (walk / "study.yaml").write_text(text.replace("  - 4\n", "  - 4\n  - 8\n"))
    assert "3 arms x 1 seed = 3 trials, up to 1 segment to run" in done("run", "study.yaml", *LOCAL).stdout


def test_04_adds_a_seed(walk: Path) -> None:
    told = done("run", "study.yaml", "--seeds", "0,1", *LOCAL).stdout
    assert "3 arms x 2 seeds = 6 trials, up to 1 segment to run" in told, "the others are those of the demo"


def test_05_stops_with_ctrl_c_and_resumes(walk: Path) -> None:
    write_study(walk, name="long", policy="none", budget_images=40_000 * BATCH, rungs=[2 * BATCH], seeds=[0],
                ablations=[{"axis": "patch_size", "values": [2, 4]}]).rename(walk / "long.yaml")  # fmt: skip
    command = [sys.executable, "-m", "service", "run", "long.yaml", *LOCAL]
    process = subprocess.Popen(command, cwd=walk, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1"})  # fmt: skip
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "lane up" in line:
            process.send_signal(signal.SIGINT)
            break
    said.append(process.stdout.read())
    assert process.wait(600) == 3 and "Resume  dit-ablate run" in "".join(said), said
    short = ("long.yaml", "--budget", 4 * BATCH, *LOCAL)  # what is there counts; the rest of the length is not needed
    assert "long: done" in done("run", *short).stdout
    assert set(statuses("long").values()) == {"completed"}


def test_06_sees_why_an_arm_was_stopped(walk: Path) -> None:
    write_study(walk, name="stops").rename(walk / "stops.yaml")
    done("run", "stops.yaml", *LOCAL)
    (stopped,) = {trial.split()[0] for trial, state in statuses("stops").items() if state.startswith("stopped")}
    report = (walk / "dit-ablate-store" / "studies" / "stops" / "report" / "report.md").read_text()
    assert stopped in report.split("## What did not run to the budget")[1].split("## ")[0]


def test_07_takes_own_images(walk: Path) -> None:
    for name, shade in (("dark", 40), ("light", 200)):
        (walk / "images" / name).mkdir(parents=True)
        for number in range(60):
            picture = Image.new("RGB", (16, 16), (shade, shade + number % 30, shade))
            picture.putpixel((number % 16, number // 16), (255, 0, number))
            picture.save(walk / "images" / name / f"{number}.png")
    told = done("init", "images", "--to", "images.yaml", "--hours", 0.5).stdout
    assert "120 images, 2 classes" in told and "Next: dit-ablate plan images.yaml" in told
    assert "patch_size" in done("plan", "images.yaml").stdout


def test_08_exports_a_table_for_the_paper(walk: Path) -> None:
    done("table", "mine", "--format", "latex", "--to", "table.tex")
    text = (walk / "table.tex").read_text()
    assert "\\toprule" in text and "\\bottomrule" in text and "fd" in text


def test_09_compares_two_studies(walk: Path) -> None:
    found = json.loads(done("compare", "demo-digits", "mine", "--json").stdout)
    assert [study["study"] for study in found["studies"]] == ["demo-digits", "mine"]


def test_10_bundles_for_a_colleague_who_imports(walk: Path) -> None:
    done("bundle", "mine", "mine.zip")
    done("import-bundle", "mine.zip", "--store", "theirs")
    assert verdicts("mine", "theirs") == verdicts("mine")


def test_11_retries_a_failed_arm(walk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = SegmentRun.__call__

    def breaks(self: SegmentRun) -> Any:
        if "learning_rate" in self.segment.trial:
            raise ValueError("a bad day")
        return whole(self)

    write_study(walk, name="fails", policy="none", seeds=[0], budget_images=2 * BATCH, rungs=[],
                ablations=[{"axis": "learning_rate", "values": [0.0123]}]).rename(walk / "fails.yaml")  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr(SegmentRun, "__call__", breaks)
        assert "a bad day" in done("run", "fails.yaml", *LOCAL, code=1).output
    done("retry", "fails", "--arm", "learning_rate=0.0123", *LOCAL)
    assert set(statuses("fails").values()) <= {"completed", "reused"}


def test_12_frees_disk(walk: Path) -> None:
    kept = {*(walk / "dit-ablate-store").rglob("*.safetensors")}
    before = verdicts("mine")
    assert "could be freed; nothing was touched" in done("gc", "--keep", "none").stdout
    assert {*(walk / "dit-ablate-store").rglob("*.safetensors")} == kept
    done("gc", "--keep", "none", "--delete")
    assert len({*(walk / "dit-ablate-store").rglob("*.safetensors")}) < len(kept)
    assert verdicts("mine") == before


def test_13_opens_mlflows_page(walk: Path) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "service", "ui", "--port", str(port)], cwd=walk)
    try:
        address, until = f"http://127.0.0.1:{port}", time.monotonic() + 300
        while True:
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until
                time.sleep(0.3)
        asked = urllib.request.Request(
            f"{address}/api/2.0/mlflow/experiments/search", b'{"max_results": 50}', {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            names = {experiment["name"] for experiment in json.load(answer)["experiments"]}
        assert {"demo-digits", "mine", "stops"} <= names
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)


def test_14_asks_what_it_would_cost(walk: Path) -> None:
    told = json.loads(done("plan", "dit-paper", "--json", code=4).stdout)
    assert told["estimate"] and "device-hours" in done("plan", "dit-paper", code=4).stdout


def test_15_reproduces_a_number(walk: Path) -> None:
    path = walk / "dit-ablate-store" / "studies" / "mine" / "study.yaml"
    (walk / "again.yaml").write_bytes(path.read_bytes())
    done("run", "again.yaml", "--store", "fresh", *LOCAL)
    numbers = [
        Client(store)
        .status("mine")
        .evaluations.set_index(["arm", "seed", "images", "metric"])["value"]
        .sort_index()
        .to_dict()
        for store in ("dit-ablate-store", "fresh")
    ]
    assert numbers[0] == numbers[1] and numbers[0]
