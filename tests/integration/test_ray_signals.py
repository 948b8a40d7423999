"""Signals to a driver whose Ray has put its own handlers in their place: a checkpoint and an orderly end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from observed import evaluations, losses
from small_studies import expansion

from service.engine import read_live, run_segments
from service.preflight import Prepared, prepare
from service.records.store import Store


def study() -> Prepared:
    """One segment that takes long enough to be stopped in its middle."""
    return prepare(
        expansion(
            {}, seeds=(0,), rungs=(), budget=128 * 120, lanes=1, policy="none",
            model={"patch_size": 2, "hidden_size": 64, "depth": 3, "num_heads": 4},
            training={"batch_size": 128, "log_every_steps": 5},
        )
    )  # fmt: skip


def drive(store: str, address: str) -> None:
    """What the driver does; says how it has ended by its exit code, as the command line does."""
    outcome = run_segments(study(), Store(store), address=address)
    raise SystemExit(3 if outcome.interrupted else 0)


def under_way(store: Store) -> bool:
    live = read_live(store, "tiny")
    return live is not None and any(item.images > 0 for item in live.running)


ALIKE = [pytest.param(number, marks=pytest.mark.faults) for number in (signal.SIGINT, signal.SIGHUP)]
"""Ends of the same way as that by SIGTERM: who has which handler beside Ray is seen in ``test_ray_study``."""


@pytest.mark.parametrize("number", [signal.SIGTERM, *ALIKE])
def test_a_signal_makes_a_checkpoint(ray_cluster, number: signal.Signals, tmp_path: Path) -> None:
    store, log, here = Store(tmp_path / "store"), tmp_path / "driver.log", Path(__file__).parent
    code = f"import test_ray_signals; test_ray_signals.drive({str(store.path)!r}, {ray_cluster.address!r})"
    path = os.pathsep.join([str(here.parent / "helpers"), str(here), os.environ.get("PYTHONPATH", "")])
    with log.open("wb") as file:
        driver = subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, stdout=file, stderr=file
        )
    try:
        until = time.monotonic() + 900
        while not under_way(store):
            assert driver.poll() is None and time.monotonic() < until, log.read_text()[-3000:]
            time.sleep(0.1)
        driver.send_signal(number)
        assert driver.wait(timeout=600) == 3, log.read_text()[-3000:]
    finally:
        driver.kill()
        driver.wait()
    assert "Traceback" not in log.read_text() and "Stack" not in log.read_text()
    checkpoints = list(store.path.rglob("*.partial.safetensors"))
    assert len(checkpoints) == 1 and store.runs("tiny")[1].interrupted
    if number is signal.SIGTERM:
        alone, prepared = Store(tmp_path / "alone"), study()
        for folder in (store, alone):
            run_segments(prepared, folder, executor="local")
        assert losses(store, prepared, "baseline seed=0") == losses(alone, prepared, "baseline seed=0")
        assert evaluations(store, prepared) == evaluations(alone, prepared)
