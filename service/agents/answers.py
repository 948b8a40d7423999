"""The answers that agents get: typed views of what ``--json`` prints, each with the version of its form."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from service.agents.refusals import Code
from service.analysis.preview import Preview
from service.analysis.study_result import StudyResult
from service.analysis.study_state import state
from service.cost.estimate import Estimate
from service.cost.interval import Interval
from service.cost.limits import HOUR


class Answer(BaseModel):
    """What every answer has."""

    schema_version: Literal[1] = 1


class AxisView(BaseModel):
    """What can be varied: an axis, as ``dit-ablate axes --json`` has it."""

    model_config = ConfigDict(extra="allow")

    name: str
    title: str
    group: str
    description: str
    fields: list[str]
    values: list[str]
    aliases: list[str]
    remove: str
    add: str
    citation: str


class Axes(Answer):
    """All axes, with the values of a profile."""

    profile: str
    axes: list[AxisView]


class Range(BaseModel):
    """An amount with what it is at least and at most."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, interval: Interval, unit: float = 1.0) -> Self:
        """Returns an interval in a unit."""
        return cls(low=interval.low / unit, middle=interval.middle / unit, high=interval.high / unit)


class Cost(BaseModel):
    """What a study will take, as far as the store does not hold it yet.

    Attributes:
        device: what a worker computes on.
        sources: where the estimate comes from, the best first: recorded, profiled, scaled, analytic.
        device_hours: of everything that is missing, if no further arm is stopped.
        expected_device_hours: the same as the stopping policy is expected to leave it; None where nothing says so.
        finish_seconds: wall-clock; None where nobody knows the number of lanes.
        lanes: lanes that this is for.
        disk_bytes: in the store, at most.
        memory_bytes: of a worker at its peak.
        too_large: which arms may not fit into the memory that is here; empty where all do.
    """

    device: str
    sources: list[str]
    device_hours: Range
    expected_device_hours: Range | None
    finish_seconds: Range | None
    lanes: int | None
    disk_bytes: Range
    memory_bytes: Range
    too_large: str

    @classmethod
    def of(cls, estimate: Estimate) -> Self:
        """Returns what an estimate says."""
        expected, finish = estimate.expected, estimate.finish
        return cls(
            device=estimate.device,
            sources=list(estimate.sources),
            device_hours=Range.of(estimate.ahead.total, HOUR),
            expected_device_hours=None if expected is None else Range.of(expected, HOUR),
            finish_seconds=None if finish is None else Range.of(finish),
            lanes=estimate.lanes,
            disk_bytes=Range.of(estimate.disk),
            memory_bytes=Range.of(estimate.memory),
            too_large=estimate.too_large,
        )


class PlannedArm(BaseModel):
    """An arm of a study that is looked at, as ``dit-ablate plan --json`` has it."""

    model_config = ConfigDict(extra="allow")

    name: str
    is_baseline: bool
    ablations: list[str]
    params: int
    gflops: float


class PlannedQuestion(BaseModel):
    """An ablation of a study that is looked at, likewise."""

    model_config = ConfigDict(extra="allow")

    name: str
    axis: str
    action: str
    arms: list[tuple[str, str]]


class Phrase(BaseModel):
    """A phrase of a written plan and what it was taken to mean."""

    ablation: str
    field: str
    text: str
    meaning: str


class Missed(BaseModel):
    """A phrase of a written plan that is not part of the study, and why."""

    ablation: str
    field: str
    text: str
    reason: str
    nearest: list[str]
    follows: bool


class Open(BaseModel):
    """An entry of a written plan that has to be settled: the readings, and the line that settles it."""

    ablation: str
    text: str
    candidates: list[str]
    evidence: list[str]
    settle: str
    taken: str


class Check(Answer):
    """What would become of a study.

    Attributes:
        answer: ``compiled``: it would start; ``asked``: something of the plan has to be settled first (``questions``);
            ``refused``: it cannot run, or may not (``blocker``).
        blocker: why it would not start, in one sentence; None where it would.
        code: what kind of reason that is.
        study: the study's name; None where nothing of it could be read.
        seeds: training seeds.
        budget_images: training images of a finished trial.
        primary_metric: what arms are compared on.
        policy: how weak arms are stopped.
        trials: arms times seeds.
        trainings: trials that are trained.
        arms: every arm once, the baseline first.
        ablations: the questions.
        cost: what it will take.
        smallest_difference: a sentence on the smallest difference that these seeds can resolve.
        understood: how each phrase of a written plan was understood.
        not_understood: what was not.
        questions: what has to be settled.
        guesses: readings that were taken although they are not certain.
        notes: everything else worth knowing.
    """

    answer: Literal["compiled", "asked", "refused"]
    blocker: str | None = None
    code: Code | None = None
    study: str | None = None
    seeds: list[int] = []
    budget_images: int | None = None
    primary_metric: str | None = None
    policy: str | None = None
    trials: int | None = None
    trainings: int | None = None
    arms: list[PlannedArm] = []
    ablations: list[PlannedQuestion] = []
    cost: Cost | None = None
    smallest_difference: str | None = None
    understood: list[Phrase] = []
    not_understood: list[Missed] = []
    questions: list[Open] = []
    guesses: list[Open] = []
    notes: list[str] = []

    @classmethod
    def of(cls, preview: Preview, **more: Any) -> Self:
        """Returns what a preview says; ``more`` is what became of it."""
        data = preview.to_json()
        own = {name: data[name] for name in cls.model_fields if name in data}
        cost, smallest = Cost.of(preview.estimate), preview.estimate.resolution
        return cls.model_validate({**own, "cost": cost, "smallest_difference": smallest, **more})


class Started(Answer):
    """A study that has been started and goes on without this server.

    Attributes:
        study: its name: the handle that status, verdicts, report and stop take.
        command: what was run; a person who repeats it continues the study.
        log: the file with its output, on the server's machine; empty for a job on a cluster.
        job: the job's id on a cluster.
        max_device_hours: what its runs together may take; None for any.
        check: what was started.
    """

    study: str
    command: str
    log: str
    job: str | None
    max_device_hours: float | None
    check: Check


class Trial(BaseModel):
    """A trial, as ``dit-ablate status --json`` has it, with every secondary metric."""

    model_config = ConfigDict(extra="allow")

    arm: str
    seed: int
    status: str
    images: int
    metric: float | None
    error: str | None


class ArmResult(BaseModel):
    """An arm, likewise."""

    model_config = ConfigDict(extra="allow")

    arm: str
    status: str
    seeds: int
    images: int
    mean: float | None
    spread: float | None
    difference: float | None


class Stopped(BaseModel):
    """An arm that was not continued, at how many images, and why."""

    arm: str
    images: int
    reason: str


class Files(BaseModel):
    """Where a report lies, on the server's machine or on S3."""

    markdown: str | None
    html: str | None


class Status(Answer):
    """Where a study stands.

    Attributes:
        study: its name.
        state: in a few words: starting, running, done, not finished, 2 trials failed, ...
        process: whether a process that an agent started here still runs; None where none was.
        last_words: the last line of that process's output, where it has ended and the study is not done.
        done: whether nothing is left to run.
        running: whether a run is going on, on this machine or elsewhere.
        interrupted: whether the last run was asked to stop before it was done.
        capped: what a cap has left missing.
        waiting: what the run waits for while it trains nothing.
        primary_metric: what arms are compared on.
        budget_images: training images of a finished trial.
        trials: every trial.
        arms: every arm.
        stops: the arms that were stopped, and why.
        report: where the report lies.
        tracking_uri: MLflow's address.
        resume_command: the command with which a person continues or repeats it.
        damage: records that are damaged or missing.
        warnings: what else went wrong.
    """

    study: str
    state: str
    process: bool | None = None
    last_words: str = ""
    done: bool = False
    running: bool = False
    interrupted: bool = False
    capped: str = ""
    waiting: str = ""
    primary_metric: str | None = None
    budget_images: int | None = None
    trials: list[Trial] = []
    arms: list[ArmResult] = []
    stops: list[Stopped] = []
    report: Files = Files(markdown=None, html=None)
    tracking_uri: str | None = None
    resume_command: str = ""
    damage: list[str] = []
    warnings: list[str] = []

    @classmethod
    def of(cls, result: StudyResult, **more: Any) -> Self:
        """Returns what a result says; ``more`` is what is known of its process."""
        data = result.to_json()
        own = {name: data[name] for name in cls.model_fields if name in data}
        return cls.model_validate({**own, "state": state(result), **more})


class StudyLine(BaseModel):
    """A study of the store in one line."""

    study: str
    state: str
    started_by_agent: bool


class Studies(Answer):
    """The studies of the store."""

    store: str
    studies: list[StudyLine]


class VerdictView(BaseModel):
    """What may be said of one comparison, with its uncertainty: the report's own verdict."""

    model_config = ConfigDict(extra="allow")

    contrast: str
    arm: str
    reference: list[str]
    kind: str
    confirmatory: bool
    status: Literal["clear", "equivalent", "undecided", "not measured"]
    reason: str
    seeds: int
    mean: float | None
    reference_mean: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    better: bool | None
    detectable: float | None
    more_seeds: int | None


class Verdicts(Answer):
    """All that a study says.

    Attributes:
        study: its name.
        done: whether nothing is left to run.
        metric: what is compared.
        scale: the scale of the comparison, log or identity.
        level: family-wise level of the tests; intervals are simultaneous with 1 minus it.
        contrasts: one verdict per comparison. Only ``clear`` ones show a difference.
        means: arm to its mean, standard deviation and seeds.
        variance: how much results vary.
        best: the arm with the best mean and the arms that the best one may be; None before any is measured.
        notes: sentences that a reader has to know.
    """

    study: str
    done: bool
    metric: str
    scale: str
    level: float
    contrasts: list[VerdictView]
    means: dict[str, dict[str, Any]]
    variance: dict[str, Any]
    best: dict[str, Any] | None
    notes: list[str]

    @classmethod
    def of(cls, result: StudyResult) -> Self:
        """Returns the verdicts of a result."""
        return cls.model_validate({"study": result.study.name, "done": result.done, **result.verdicts.to_json()})


class Report(Answer):
    """A study's report.

    Attributes:
        study: its name.
        markdown: the report.
        files: where it and its HTML form lie.
    """

    study: str
    markdown: str
    files: Files


class Stop(Answer):
    """What became of a request to stop.

    Attributes:
        study: its name.
        stopping: whether a run was going on; it writes checkpoints and ends, and starting it again continues.
        message: the same as a sentence.
    """

    study: str
    stopping: bool
    message: str
