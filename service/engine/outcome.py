"""What a run tells while it goes on, and what it hands back at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from service.analysis.status import TrialStatus
from service.engine.wire import Live, Timing
from service.records.decisions import Stop


@dataclass(frozen=True)
class Snapshot:
    """The run at one moment.

    Attributes:
        statuses: every trial, in the study's order.
        live: trial name -> its segment in flight (queued, training or evaluating).
        stops: arms stopped so far.
        lanes: lanes asked for.
        lanes_up: lanes that have started.
        device_seconds: seconds that workers have been up, summed over workers.
        elapsed: seconds since the run began.
        segments_done: segments finished in this run.
        segments_left: measurements that are wanted now or in flight; later rungs may add more.
        messages: what a person should know, oldest first: retries, lost lanes, damaged checkpoints.
        stopping: whether a stop has been asked for.
        failed: trial name -> error, for the trials given up so far.
        run: number of this run; of the newest run when nothing was left to run, 0 when there was none.
        waiting: what the run waits for when it has no lane and should not expect one soon; empty otherwise.
    """

    statuses: list[TrialStatus]
    live: Mapping[str, Live]
    stops: tuple[Stop, ...]
    lanes: int
    lanes_up: int
    device_seconds: float
    elapsed: float
    segments_done: int
    segments_left: int
    messages: tuple[str, ...] = ()
    stopping: bool = False
    failed: Mapping[str, str] = field(default_factory=dict)
    run: int = 0
    waiting: str = ""


OnUpdate = Callable[[Snapshot], None]


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes:
        statuses: every trial, in the study's order.
        stops: arms that were not continued.
        interrupted: whether it ended because it was asked to.
        failed: trial name -> error, for the trials given up in this run; running again tries them again.
        capped: trials that lack something because the study's cap was reached; a higher cap continues them.
        cap: the cap, as the study says it; empty for none.
        messages: what a person should know, oldest first.
        elapsed: wall-clock of the run, in seconds.
        lanes: lanes used.
        lane_seconds: seconds that lanes existed, summed over lanes, their start-up included.
        startup_seconds: of these, seconds before a lane was up for the first time.
        timings: every finished segment.
        user: who ran it.
        device_seconds: seconds that workers were up, summed over workers.
    """

    statuses: list[TrialStatus]
    stops: tuple[Stop, ...] = ()
    interrupted: bool = False
    failed: Mapping[str, str] = field(default_factory=dict)
    capped: tuple[str, ...] = ()
    cap: str = ""
    messages: tuple[str, ...] = ()
    elapsed: float = 0.0
    lanes: int = 0
    lane_seconds: float = 0.0
    startup_seconds: float = 0.0
    timings: tuple[Timing, ...] = ()
    user: str = ""
    device_seconds: float | None = None

    @property
    def spent(self) -> dict[str, float]:
        """Lane seconds by what they were spent on; ``other`` is the rest, start-up and waiting included."""
        names = ("train", "checkpoint", "sample", "score", "record")
        spent = {name: sum(getattr(timing, name) for timing in self.timings) for name in names}
        return {**spent, "other": max(0.0, self.lane_seconds - sum(spent.values()))}

    @property
    def overhead(self) -> float:
        """Share of the lane seconds not spent training, sampling or scoring; 0 when nothing ran."""
        useful = sum(self.spent[name] for name in ("train", "sample", "score"))
        return 1.0 - useful / self.lane_seconds if self.lane_seconds > 0 else 0.0

    def to_json(self) -> dict[str, Any]:
        """Returns the record kept under ``studies/<name>/runs``: time and failures, not the trials."""
        kept = ("interrupted", "failed", "capped", "cap", "messages", "elapsed", "lanes", "lane_seconds",
                "startup_seconds", "user", "device_seconds")  # fmt: skip
        data = {name: getattr(self, name) for name in kept}
        timings = [asdict(timing) for timing in self.timings]
        return {**data, "spent": self.spent, "overhead": self.overhead, "timings": timings}
