"""A run with a Ray of its own, as it is started in a shell: its signals, and the death of Ray under it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import descendants, kill, remaining
from tiny_study import overrides, write_study

from service.engine import read_live
from service.records.store import Store

pytestmark = pytest.mark.faults
SECONDS = 600  # on a busy machine lanes take minutes to come up


@dataclass
class Run:
    """A run that trains, and what it has printed so far."""

    process: subprocess.Popen[bytes]
    store: Store
    log: Path

    def end(self) -> str:
        """Waits for its end; returns what it printed."""
        self.process.wait(timeout=SECONDS)
        return self.log.read_text()

    def checkpoints(self) -> int:
        """Trials that have one."""
        return len({path.parent for path in self.store.path.glob("trials/*/checkpoints/*.safetensors")})


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Two trials that train for minutes, on two lanes, without checkpoints inside."""
    ablations = [{"name": "Patch", "axis": "patch_size", "values": [2, 4]}]
    study = write_study(
        tmp_path, baseline=overrides(), ablations=ablations, seeds=[0], budget_images=32 * 100_000, rungs=[],
        policy="none", checkpoint_images=None, resources={"lanes": 2},
    )  # fmt: skip
    store, log = Store(tmp_path / "store"), tmp_path / "log"
    command = [sys.executable, "-m", "service", "run", str(study), "--store", store.place]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    try:
        until = time.monotonic() + SECONDS
        while (live := read_live(store, "tiny")) is None or sum(item.images > 0 for item in live.running) < 2:
            assert process.poll() is None and time.monotonic() < until, log.read_text()[-3000:]
            time.sleep(0.2)
        yield Run(process, store, log)
    finally:
        for pid in (*descendants(process.pid), process.pid):
            kill(pid)
        process.wait()


def test_a_signal_to_the_whole_process_group_leads_to_checkpoints(run: Run) -> None:
    """As batch systems and terminals send it: Ray must not end before its lanes have written them."""
    below = descendants(run.process.pid)
    os.killpg(run.process.pid, signal.SIGTERM)
    printed = run.end()
    assert run.process.returncode == 3, printed[-3000:]
    assert run.checkpoints() == 2 and "Resume" in printed
    assert not remaining(below, 300)


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("gcs_server", "the head of the Ray cluster at"),
        ("raylet", "the Ray node that this run is driven from"),
    ],
)
def test_the_death_of_ray_is_one_sentence(run: Run, server: str, said: str) -> None:
    below = descendants(run.process.pid)
    found = [pid for pid, command in below.items() if Path(command.split()[0]).name == server]
    assert len(found) == 1, below
    kill(found[0])
    printed = run.end()
    assert run.process.returncode == 1, printed[-3000:]
    assert f"error: {said}" in printed, printed[-3000:]
    assert "what was recorded is kept, continue with\n  dit-ablate run" in printed
    assert "Traceback" not in printed and "*** " not in printed, printed[-3000:]
    assert not remaining(below, 300)
