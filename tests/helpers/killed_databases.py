"""Kills processes that make a store's MLflow database: ``python killed_databases.py FOLDER N``; prints ``N of N``.

Imports once and forks, so that a process costs what making the database costs. A fork makes a fresh store's database
and is killed at one of N moments spread over the time that takes; then a new one does the same to its end.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from service.mlflow_sync.address import default_tracking_uri
from service.mlflow_sync.connection import connect, import_mlflow
from service.mlflow_sync.database import State, examine
from service.records.store import Store


def forked(work: Callable[[], object]) -> int:
    process = os.fork()
    if process == 0:
        try:
            work()
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return process


def make(folder: Path) -> None:
    store = Store(folder)
    connect(default_tracking_uri(store), store)


def main(folder: Path, number: int) -> None:
    import_mlflow()
    began = time.monotonic()
    assert os.waitpid(forked(lambda: make(folder / "whole")), 0)[1] == 0
    seconds = time.monotonic() - began
    survived, states = 0, []
    for index in range(number):
        store = folder / f"store-{index}"
        process = forked(lambda store=store: make(store))  # type: ignore[misc]
        time.sleep(seconds * (index + 0.5) / number)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        states.append(examine(store / "mlflow.db"))
        # a moment without a database is a fresh store's; every second of them is continued
        if states[-1] is State.MISSING and index % 2:
            survived += 1
            continue
        ended = os.waitpid(forked(lambda store=store: make(store)), 0)[1]  # type: ignore[misc]
        survived += ended == 0 and examine(store / "mlflow.db") is State.WHOLE
    print(f"{survived} of {number}", *(state.value for state in states))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
