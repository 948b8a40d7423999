"""What crosses process boundaries. Imports nothing heavy: the processes that only wait start in a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

DONE, STOPPED, FAILED, LOST = "done", "stopped", "failed", "lost"


@dataclass(frozen=True)
class TimedPoint:
    """One logging window of a segment that has not been recorded yet; it need not survive.

    Attributes:
        images: training images seen at the window's end.
        loss: mean training loss.
        mse: mean squared error of the prediction.
        vb: variational term, in bits per dimension.
        time: Unix seconds: when the stretch began plus the seconds spent training, as its record will say.
    """

    images: int
    loss: float
    mse: float
    vb: float
    time: float


@dataclass(frozen=True)
class Live:
    """A segment in flight.

    Attributes:
        trial: the trial's name.
        until: images at which the segment ends.
        images: training images seen so far.
        loss: mean loss of the newest logging window known, None before the first.
        phase: ``queued``, ``training`` or ``evaluating``.
        lane: which lane runs it; empty while it is queued.
        note: what a person should know of it now, in one sentence, e.g. that it waits for room on the disk.
        tail: logging windows since the last record of the curve; not part of its JSON.
    """

    trial: str
    until: int
    images: int = 0
    loss: float | None = None
    phase: str = "queued"
    lane: str = ""
    note: str = ""
    tail: tuple[TimedPoint, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns plain data, the tail left out."""
        return {name: value for name, value in vars(self).items() if name != "tail"}


@dataclass(frozen=True)
class LiveRun:
    """A study's run as it tells the outside about itself, every few seconds, in ``live.json``.

    Attributes:
        pid: the driver's process.
        host: the machine it runs on.
        time: when this was written, ISO 8601 UTC.
        stopping: whether a stop has been asked for.
        lanes: lanes asked for.
        lanes_up: lanes that have started.
        running: the segments in flight, without those that wait for a lane.
        run: the run's number; 0 where nobody wrote it down.
        beat: counts the heartbeats: that it changes shows that the run lives, whatever its clock says.
        waiting: what it waits for when it has no lane and should not expect one soon; empty otherwise.
    """

    pid: int
    host: str
    time: str
    stopping: bool = False
    lanes: int = 0
    lanes_up: int = 0
    running: tuple[Live, ...] = ()
    run: int = 0
    beat: int = 0
    waiting: str = ""

    @property
    def waits_for(self) -> str:
        """What it waits for while it trains nothing; empty once a lane is up."""
        return self.waiting or ("" if self.lanes_up else "starting")

    def to_json(self) -> dict[str, Any]:
        """Returns plain data; ``service.engine.watch.read_live`` is the way back."""
        return {**vars(self), "running": [live.to_json() for live in self.running]}


@dataclass(frozen=True)
class Timing:
    """Where one segment's wall-clock went. Times are Unix seconds, the others seconds.

    Attributes:
        segment: the segment's id.
        lane: the lane that ran it.
        warm: whether the lane had run a segment before.
        handed: when the dispatcher gave the segment to the lane.
        received: when the lane had it on every worker.
        first_step: when the trial's state was loaded and the first training step was about to run.
        finished: when its records were written.
        train: spent training.
        checkpoint: spent writing and verifying checkpoints.
        sample: spent sampling.
        score: spent on metrics.
        record: spent writing records.
    """

    segment: str
    lane: str = ""
    warm: bool = False
    handed: float = 0.0
    received: float = 0.0
    first_step: float = 0.0
    finished: float = 0.0
    train: float = 0.0
    checkpoint: float = 0.0
    sample: float = 0.0
    score: float = 0.0
    record: float = 0.0

    @property
    def handover(self) -> float:
        """Seconds from segment hand-over to first training step."""
        return self.first_step - self.handed


@dataclass(frozen=True)
class SegmentResult:
    """How a segment ended. Plain data, so that it crosses process boundaries.

    Attributes:
        kind: ``done``, ``stopped`` (asked to; it is checkpointed), ``failed`` (an exception) or ``lost`` (its
            lane died or hung).
        error: one line, for ``failed`` and ``lost``.
        cause: one of the causes in ``service.engine.causes``, for ``failed`` and ``lost``; empty where it is not known.
        traceback: for ``failed``.
        retry: whether trying again can help; not after a ``UserError``.
        images: training images reached, as far as is known.
        notes: sentences worth showing, e.g. a checkpoint that was damaged and ignored.
        timing: where the time went; None for ``failed`` and ``lost``.
        micro_batch: images that each worker put through the network at once when training ran out of memory; else 0.
    """

    kind: str
    error: str = ""
    traceback: str = ""
    retry: bool = True
    cause: str = ""
    images: int = 0
    notes: tuple[str, ...] = ()
    timing: Timing | None = None
    micro_batch: int = 0

    def to_json(self) -> dict[str, Any]:
        """Returns plain data; ``from_json`` is the way back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SegmentResult:
        """Rebuilds a result from ``to_json``."""
        timing = None if data["timing"] is None else Timing(**data["timing"])
        return cls(**{**data, "timing": timing, "notes": tuple(data["notes"])})
