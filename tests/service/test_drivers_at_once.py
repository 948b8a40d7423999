"""Several drivers that start at the same moment: one runs the study, and the others say so."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from small_studies import expansion

from dit_core.errors import UserError
from service.engine import watch
from service.engine.ledger import Ledger
from service.mlflow_sync.connection import connect
from service.policies import create
from service.preflight import Prepared
from service.records.store import Store

DRIVERS = 3
TOGETHER = multiprocessing.get_context("spawn")


def enter(folder: str, start: Barrier, end: Barrier) -> None:
    """Claims the study; ends with 0 when it was claimed and with 2 when another driver had it."""
    study = expansion({}, seeds=(0,))
    ledger = Ledger(Prepared(study, create(study.study.policy), {"baseline seed=0": "a" * 64}, {}), Store(folder))
    read = watch.read_live

    def slowly(*arguments: Any) -> Any:
        found = read(*arguments)
        time.sleep(0.5)  # longer than it takes the others to look
        return found

    watch.read_live = slowly
    start.wait(120)
    try:
        with watch.Watch(ledger, ledger.store, None):
            end.wait(120)
    except UserError:
        end.wait(120)
        raise SystemExit(2) from None


def open_database(uri: str, start: Barrier, end: Barrier) -> None:
    """Makes the tables of a new tracking store."""
    import mlflow  # noqa: F401 - so that all of them begin at once

    start.wait(120)
    connect(uri)
    end.wait(120)


def exit_codes(target: Any, argument: str) -> list[int | None]:
    start, end = TOGETHER.Barrier(DRIVERS), TOGETHER.Barrier(DRIVERS)
    processes = [TOGETHER.Process(target=target, args=(argument, start, end)) for _ in range(DRIVERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(180)
    return sorted(process.exitcode if process.exitcode is not None else -1 for process in processes)


def test_one_of_several_drivers_runs_the_study(tmp_path: Path) -> None:
    Store(tmp_path / "store")
    assert exit_codes(enter, str(tmp_path / "store")) == [0, *[2] * (DRIVERS - 1)]


def test_several_drivers_make_one_tracking_store(tmp_path: Path) -> None:
    assert exit_codes(open_database, f"sqlite:///{tmp_path / 'mlflow.db'}") == [0] * DRIVERS
