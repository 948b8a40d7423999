"""The kinds of record: what is kept for good, each with the key it lies under.

Keys are functions of what a reader knows (a trial's identity, images seen, a metric, an evaluation's identity), so that
a record is found by asking for it. Records of which there may be any number (``curve``, ``definitions``, ``claims``,
``given-up``, ``failures``) are numbered from 1; see ``Records.numbered``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from service.records.envelope import Record
from service.redact import redacted


def plain(value: Any) -> Any:
    """Returns JSON for a free-form value; floats that JSON has not become ``{"$float": "nan"}``."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, Mapping):
        made = {str(key): plain(item) for key, item in value.items()}
        return {"$object": made} if set(made) in ({"$float"}, {"$object"}) else made
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def restored(value: Any) -> Any:
    """Returns the free-form value that ``plain`` made JSON of; tuples come back as lists."""
    if isinstance(value, dict):
        if set(value) == {"$float"}:
            return float(value["$float"])
        inner = value["$object"] if set(value) == {"$object"} else value
        if not isinstance(inner, dict):
            raise ValueError("$object holds no object")
        return {key: restored(item) for key, item in inner.items()}
    return [restored(item) for item in value] if isinstance(value, list) else value


Free = Annotated[dict[str, Any], BeforeValidator(restored), PlainSerializer(plain)]
"""A mapping of whatever JSON holds, NaN and infinity included."""

Images = Annotated[int, Field(ge=0)]

Told = Annotated[str, AfterValidator(redacted)]
"""Text that comes from outside, such as an error or a command: recorded without passwords, tokens and keys."""


class Part(BaseModel):
    """A part of a record; fields that a newer version wrote are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")


class Hardware(Part):
    """What something was computed on.

    Attributes:
        device: kind of device, e.g. ``cuda: NVIDIA H100 80GB HBM3`` or ``cpu: AMD EPYC``.
        torch: version of PyTorch.
        workers: workers that computed it together.
    """

    device: str
    torch: str
    workers: int = 1


# -- trials ---------------------------------------------------------------------------------------------------


class TrialRecord(Record):
    """A trial that was begun.

    Attributes:
        config: the configuration of the arm that began it, as plain JSON: a later version may have other fields.
    """

    kind: ClassVar[str] = "trial"
    config: Free

    @staticmethod
    def key(train_id: str) -> str:
        """Where it lies."""
        return f"trials/{train_id}/trial.json"


class Point(Part):
    """One logging window of a stretch.

    Attributes:
        images: training images seen at its end.
        loss: mean training loss.
        mse: mean squared error of the prediction.
        vb: variational term, in bits per dimension.
        seconds: spent training since the stretch began, up to the window's end.
    """

    images: Images
    loss: float
    mse: float
    vb: float
    seconds: float


class Stretch(Record):
    """The training curve from one checkpoint (or the start) to the next one, or to where the trial diverged.

    It is recorded before the checkpoint that covers it. A stretch that was trained twice is there twice, with equal
    points: training is deterministic, and both cost their seconds.

    Attributes:
        start: images seen before it.
        images: images seen after it.
        points: its logging windows.
        began: when it began, Unix seconds.
        seconds: spent training it.
        hardware: what it was trained on; None where nobody wrote it down.
    """

    kind: ClassVar[str] = "curve"
    start: Images
    images: Images
    points: tuple[Point, ...]
    began: float
    seconds: float
    hardware: Hardware | None = None

    def time(self, point: Point) -> float:
        """When a window ended, Unix seconds: a function of what is recorded, as the live tail shows it before."""
        return self.began + point.seconds

    @staticmethod
    def folder(train_id: str) -> str:
        """Where a trial's stretches lie, numbered in the order they were trained in."""
        return f"trials/{train_id}/curve/"


class EvaluationRecord(Record):
    """One metric of one evaluation.

    Attributes:
        eval_id: identity of the measurement.
        images: training images seen.
        name: the metric.
        value: its value.
        floor: the same distance between training and held-out images; None where it has none.
        details: whatever the metric says about itself.
        study: the study that paid for it.
        sample_seconds: spent sampling; on the first metric of an evaluation only.
        score_seconds: spent scoring; likewise.
        grid: key of the sample grid, if there is one.
        grid_sha256: SHA-256 of the grid; None where nobody wrote it down.
        hardware: what it was computed on; None where nobody wrote it down.
    """

    kind: ClassVar[str] = "evaluation"
    eval_id: str
    images: Images
    name: str
    value: float
    floor: float | None = None
    details: Free = Field(default_factory=dict)
    study: str
    sample_seconds: float = 0.0
    score_seconds: float = 0.0
    grid: str | None = None
    grid_sha256: str | None = None
    hardware: Hardware | None = None

    @staticmethod
    def key(train_id: str, images: int, metric: str, eval_id: str) -> str:
        """Where it lies."""
        return f"trials/{train_id}/evaluations/{images:012d}-{metric}-{eval_id[:16]}.json"


class DivergenceRecord(Record):
    """The end of a trial whose loss exploded.

    Attributes:
        images: training images seen.
        reason: one sentence.
    """

    kind: ClassVar[str] = "divergence"
    images: Images
    reason: Told

    @staticmethod
    def key(train_id: str) -> str:
        """Where it lies."""
        return f"trials/{train_id}/diverged.json"


# -- studies --------------------------------------------------------------------------------------------------


class DefinitionRecord(Record):
    """A study as it was run.

    Attributes:
        study: the study as plain JSON: a later version may have other fields.
        train_ids: trial name -> identity of its weights.
        analysis_plan: digest of the analysis plan, under which decisions are found without the data.
        source: what the person gave: a preset, a file, or ``python``.
        command: the command that runs it again.
    """

    kind: ClassVar[str] = "definition"
    study: Free
    train_ids: dict[str, str]
    analysis_plan: str = ""
    source: Told
    command: Told

    @staticmethod
    def folder(study: str) -> str:
        """Where a study's definitions lie, numbered."""
        return f"studies/{study}/definitions/"


class StoreIdentity(Record):
    """What tells one store from another, wherever it is moved; written once, by who first asks for it.

    Attributes:
        id: 32 hex digits, random.
    """

    kind: ClassVar[str] = "store identity"
    id: str

    KEY: ClassVar[str] = "identity.json"


class Claim(Record):
    """A run that has begun; its number in ``claims`` is the run's number.

    Attributes:
        pid: the driver's process.
        host: the machine it runs on.
    """

    kind: ClassVar[str] = "claim"
    pid: int
    host: str

    @staticmethod
    def folder(study: str) -> str:
        """Where a study's claims lie, numbered."""
        return f"studies/{study}/claims/"


class Failure(Record):
    """A segment that failed, or was lost with its lane.

    Attributes:
        trial: the trial's name.
        train_id: identity of its weights.
        until: images at which the segment would have ended.
        images: images it had reached, as far as is known.
        attempt: which attempt it was, from 1.
        given_up: whether its trial was given up with it.
        outcome: ``failed`` or ``lost``.
        error: one line.
        traceback: for ``failed``.
        run: the run's number; 0 for none.
    """

    kind: ClassVar[str] = "failure"
    trial: str
    train_id: str
    until: Images
    images: Images = 0
    attempt: int
    given_up: bool
    outcome: str
    error: Told
    traceback: Told = ""
    run: int = 0

    @staticmethod
    def folder(study: str) -> str:
        """Where a study's failures lie, numbered."""
        return f"studies/{study}/failures/"


class GivenUp(Record):
    """A trial that a run gave up. It counts until the study's next run has begun, which tries it again.

    Attributes:
        study: the study.
        trial: the trial's name.
        until: images at which the segment would have ended.
        attempt: how many attempts had failed.
        error: the last one's error, one line.
    """

    kind: ClassVar[str] = "given-up"
    study: str
    trial: str
    until: Images
    attempt: int
    error: Told

    @staticmethod
    def folder(study: str, run: int) -> str:
        """Where the trials that a run gave up lie, numbered."""
        return f"studies/{study}/given-up/{run:04d}/"


class SegmentTime(Part):
    """Where one segment's wall-clock went; see ``service.engine.wire.Timing``."""

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


class RunRecord(Record):
    """A run that has ended by itself; one that was killed has left its claim only.

    Attributes:
        interrupted: whether it was asked to end before the study was done.
        failed: trial name -> error of the trials given up.
        messages: what a person should know, oldest first.
        elapsed: wall-clock, in seconds.
        lanes: lanes used.
        lane_seconds: seconds that lanes existed, summed over lanes.
        startup_seconds: of these, seconds before a lane was up for the first time.
        spent: lane seconds by what they were spent on.
        overhead: share of the lane seconds not spent training, sampling or scoring.
        timings: every finished segment.
    """

    kind: ClassVar[str] = "run"
    interrupted: bool
    failed: dict[str, Told] = Field(default_factory=dict)
    messages: tuple[Told, ...] = ()
    elapsed: float = 0.0
    lanes: int = 0
    lane_seconds: float = 0.0
    startup_seconds: float = 0.0
    spent: dict[str, float] = Field(default_factory=dict)
    overhead: float = 0.0
    timings: tuple[SegmentTime, ...] = ()

    @staticmethod
    def key(study: str, run: int) -> str:
        """Where it lies."""
        return f"studies/{study}/runs/{run:04d}.json"
