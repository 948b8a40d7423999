"""Several drivers that start at the same moment on a fresh store."""

from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from service.mlflow_sync.connection import connect

DRIVERS = 3
TOGETHER = multiprocessing.get_context("spawn")


def open_database(uri: str, start: Barrier, end: Barrier) -> None:
    """Makes the tables of a new tracking store."""
    import mlflow  # noqa: F401 - so that all of them begin at once

    start.wait(600)
    connect(uri)
    end.wait(600)


def exit_codes(target: Any, argument: str) -> list[int | None]:
    start, end = TOGETHER.Barrier(DRIVERS), TOGETHER.Barrier(DRIVERS)
    processes = [TOGETHER.Process(target=target, args=(argument, start, end)) for _ in range(DRIVERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(900)
    return sorted(process.exitcode if process.exitcode is not None else -1 for process in processes)


@pytest.mark.slow
def test_several_drivers_make_one_tracking_store(tmp_path: Path) -> None:
    assert exit_codes(open_database, f"sqlite:///{tmp_path / 'mlflow.db'}") == [0] * DRIVERS
