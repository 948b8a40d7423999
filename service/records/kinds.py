"""The kinds of record: what is kept for good, each with the key it lies under.

Keys are functions of what a reader knows (a trial's identity, images seen, a metric, an evaluation's identity), so that
a record is found by asking for it. Records of which there may be any number (``curve``, ``definitions``, ``claims``,
``given-up``, ``failures``, claims and releases of weights) are numbered from 1; see ``Records.numbered``.
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
        inner = value
        if len(value) == 1:
            if "$float" in value:
                return float(value["$float"])
            inner = value.get("$object", value)
            if not isinstance(inner, dict):
                raise ValueError("$object holds no object")
        return {key: restored(item) if type(item) in (dict, list) else item for key, item in inner.items()}
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
        threads: torch threads of each of them; 0 where nobody wrote it down.
    """

    device: str
    torch: str
    workers: int = 1
    threads: int = 0


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
        study: the study that paid for it; empty where nobody wrote it down.
        run: the number of that study's run, whose provenance is recorded; 0 where nobody wrote it down.
        peak_memory: the most memory that the first worker used meanwhile, in bytes: of its GPU, else of its process;
            None where nobody wrote it down or the system cannot tell it from what came before.
    """

    kind: ClassVar[str] = "curve"
    start: Images
    images: Images
    points: tuple[Point, ...]
    began: float
    seconds: float
    hardware: Hardware | None = None
    study: str = ""
    run: int = 0
    peak_memory: int | None = None

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
        run: the number of the study's run, whose provenance is recorded; 0 where nobody wrote it down.
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
    run: int = 0

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


class TrialClaim(Record):
    """A run trains these weights, until the release with the same number, or until the run has ended.

    Attributes:
        study: the study.
        run: its run's number.
    """

    kind: ClassVar[str] = "trial claim"
    study: str
    run: int

    @staticmethod
    def folder(train_id: str) -> str:
        """Where the claims on a trial's weights lie, numbered."""
        return f"trials/{train_id}/claims/"

    @staticmethod
    def key(train_id: str, epoch: int) -> str:
        """Where one of them lies."""
        return f"{TrialClaim.folder(train_id)}{epoch:04d}.json"


class TrialRelease(Record):
    """The claim with the same number on a trial's weights has ended."""

    kind: ClassVar[str] = "trial release"

    @staticmethod
    def key(train_id: str, epoch: int) -> str:
        """Where it lies."""
        return f"trials/{train_id}/releases/{epoch:04d}.json"


# -- studies --------------------------------------------------------------------------------------------------


class DefinitionRecord(Record):
    """A study as it was run.

    Attributes:
        study: the study as plain JSON: a later version may have other fields.
        train_ids: trial name -> identity of its weights.
        analysis_plan: digest of the analysis plan, under which decisions are found without the data.
        source: what the person gave: a preset, a file, or ``python``.
        command: the command that runs it again.
        plugins: the code from outside that it names, with its source (see ``dit_core.plugins.bundle.Bundle``).
        policy_digest: identifies its policy, where that is code from outside.
    """

    kind: ClassVar[str] = "definition"
    study: Free
    train_ids: dict[str, str]
    analysis_plan: str = ""
    source: Told
    command: Told
    plugins: tuple[Free, ...] = ()
    policy_digest: str = ""

    @staticmethod
    def folder(study: str) -> str:
        """Where a study's definitions lie, numbered."""
        return f"studies/{study}/definitions/"


class Whereabouts(Part):
    """Where a store lay; see ``service.records.whereabouts``.

    Attributes:
        host: the machine, or the S3 server.
        place: the folder, or the S3 address.
        inode: number of the marker's file; 0 where it has none.
        written: when the marker was written, in nanoseconds.
        changed: when its file was last changed in any way, in nanoseconds: a copy's time is its own.
    """

    host: str
    place: str
    inode: int = 0
    written: int = 0
    changed: int = 0


class StoreIdentity(Record):
    """What tells one store from another, wherever it is moved; written once, by who first asks for it.

    Attributes:
        id: 32 hex digits, random.
        whereabouts: where the store lay then; None where nobody wrote it down.
    """

    kind: ClassVar[str] = "store identity"
    id: str
    whereabouts: Whereabouts | None = None

    KEY: ClassVar[str] = "identity.json"


class Process(Part):
    """What tells a process from every other.

    Attributes:
        pid: its number.
        host: the machine's name.
        boot: identity of the machine's present start; empty where nobody wrote it down.
        pids: the namespace in which its number is meant; likewise.
        started: when it started, in clock ticks since the machine did; 0 where nobody wrote it down.
    """

    pid: int
    host: str
    boot: str = ""
    pids: str = ""
    started: int = 0


class Claim(Record):
    """A run that has begun; its number in ``claims`` is the run's number.

    Attributes:
        pid: the driver's process.
        host: the machine it runs on.
        process: the driver's process in full; None in claims that only have the two above.
        nonce: tells this claim from any other, within its process, too.
    """

    kind: ClassVar[str] = "claim"
    pid: int
    host: str
    process: Process | None = None
    nonce: str = ""

    @staticmethod
    def folder(study: str) -> str:
        """Where a study's claims lie, numbered."""
        return f"studies/{study}/claims/"

    @staticmethod
    def key(study: str, run: int) -> str:
        """Where the claim of a run lies."""
        return f"{Claim.folder(study)}{run:04d}.json"


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
        cause: as ``service.engine.causes`` tells causes apart; empty where nobody told.
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
    cause: str = ""
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
        cause: what kind of failure it was, as in ``Failure``; empty where nobody told.
    """

    kind: ClassVar[str] = "given-up"
    study: str
    trial: str
    until: Images
    attempt: int
    error: Told
    cause: str = ""

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
        error: what ended it, in one sentence, when an error did; empty for none.
        failed: trial name -> error of the trials given up.
        capped: trials that lack something because the study's cap was reached.
        cap: that cap, as the study said it; empty for none.
        messages: what a person should know, oldest first.
        elapsed: wall-clock, in seconds.
        lanes: lanes used.
        lane_seconds: seconds that lanes existed, summed over lanes.
        startup_seconds: of these, seconds before a lane was up for the first time.
        spent: lane seconds by what they were spent on.
        overhead: share of the lane seconds not spent training, sampling or scoring.
        timings: every finished segment.
        user: who ran it; empty where nobody wrote it down.
        device_seconds: seconds that workers were up, summed over workers; None where nobody wrote it down.
    """

    kind: ClassVar[str] = "run"
    interrupted: bool
    error: Told = ""
    failed: dict[str, Told] = Field(default_factory=dict)
    capped: tuple[str, ...] = ()
    cap: Told = ""
    messages: tuple[Told, ...] = ()
    elapsed: float = 0.0
    lanes: int = 0
    lane_seconds: float = 0.0
    startup_seconds: float = 0.0
    spent: dict[str, float] = Field(default_factory=dict)
    overhead: float = 0.0
    timings: tuple[SegmentTime, ...] = ()
    user: str = ""
    device_seconds: float | None = None

    @staticmethod
    def key(study: str, run: int) -> str:
        """Where it lies."""
        return f"studies/{study}/runs/{run:04d}.json"
