"""The thread that keeps MLflow up to date while a study runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping

from finished_study import BUDGET

from service.engine.wire import Live
from service.mlflow_sync import BackgroundSync


def in_flight(*trials: str) -> list[Live]:
    return [Live(trial, BUDGET, phase="training") for trial in trials]


class Recorder:
    """Counts syncs; ``hold`` makes each one wait."""

    writes = 0

    def __init__(self, hold: float = 0.0) -> None:
        self.calls: list[tuple[Live, ...]] = []
        self.failures: list[dict[str, str]] = []
        self.hold = threading.Event()
        self.answered = 0
        self._seconds = hold

    def sync(self, live: Collection[Live] = (), failures: Mapping[str, str] | None = None) -> bool:
        self.calls.append(tuple(live))
        self.failures.append(dict(failures or {}))
        self.hold.wait(self._seconds)
        self.answered += 1
        return True

    def finish(self, failures: Mapping[str, str] | None = None) -> str | None:
        self.failures.append(dict(failures or {}))
        return "the last one"

    def not_up_to_date(self, reason: str) -> str:
        return reason


def test_background_sync_calls_with_what_runs_until_the_block_ends() -> None:
    recorder = Recorder()
    failures = {"b": "no such file"}
    live = tuple(in_flight("a"))
    with BackgroundSync(recorder, lambda: live, lambda: failures, seconds=0.01) as background:
        deadline = time.monotonic() + 300
        while len(recorder.calls) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert background.finish({"c": "given up"}) == "the last one"
    assert len(recorder.calls) >= 3 and set(recorder.calls) == {live}
    assert recorder.failures == [*[failures] * len(recorder.calls), {"c": "given up"}]


def test_background_sync_does_not_wait_for_ever() -> None:
    recorder = Recorder(hold=600)
    with BackgroundSync(recorder, seconds=0.01) as background:
        while not recorder.calls:
            time.sleep(0.01)
        assert background.finish({}, patience=0.2) == "it has not answered for 0.2 s"
    assert recorder.answered == 0, "it was not waited for"
    recorder.hold.set()
