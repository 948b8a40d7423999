"""The study file: what to vary, with which seeds and budget, and how weak arms are stopped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, field_validator, model_validator

from dit_core.base import Config
from dit_core.errors import UserError, explain, unknown
from search_spaces.plain_data import plain
from search_spaces.study_defaults import completed

Action = Literal["REPLACE", "REMOVE", "ADD"]
ACTIONS: tuple[Action, ...] = ("REPLACE", "REMOVE", "ADD")
CONTROLS = ("none", "iso-gflops")

_FROM_PROFILE: Any = None
"""Stands where the baseline's profile supplies the value (see ``study_defaults.completed``)."""


def _counted(value: Any) -> Any:
    """Refuses true and false where a number is wanted: Python would count them as 1 and 0."""
    if isinstance(value, bool):
        raise UserError(f"{str(value).lower()} is not a number")
    return value


Whole = Annotated[int, BeforeValidator(_counted)]
Real = Annotated[float, BeforeValidator(_counted)]


if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)  # it has no public name

MOST_IMAGES = 10**15
"""More training images than that are a slip of the keyboard."""


class _OneSentence(ModelMetaclass):
    """Makes a mistake in ``Study(...)`` the same one sentence that it is in a study file."""

    if not TYPE_CHECKING:  # the signature of every class stays its own

        def __call__(cls, *given: Any, **fields: Any) -> Any:
            try:
                return super().__call__(*given, **fields)
            except ValidationError as error:
                raise UserError(explain(error, cls)) from None


class StudyPart(Config, metaclass=_OneSentence):
    """The base of everything in a study: plain data, whoever gave it."""

    how: ClassVar[str]
    """How it is written; ends the error about what is nothing of the kind."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise UserError(f"{value!r:.60} given; write {cls.how}")
        return {key: plain(item, str(key)) for key, item in value.items()}


def as_values(value: Any, where: str) -> Any:
    """Reads one value as a list of one, and refuses what is no value at all."""
    if isinstance(value, str | int | float):
        return (value,)
    if isinstance(value, list | tuple):
        for item in value:
            if not isinstance(item, str | int | float):
                raise UserError(f"{where}: {item!r} is not a value; a list of names or numbers is wanted")
        for index, item in enumerate(value):
            if item in value[:index]:
                raise UserError(f"{where}: {item!r} repeats; every value may appear once")
    return value


class Baseline(StudyPart):
    """The arm that every other arm is compared with.

    Attributes:
        profile: a name in ``search_spaces.profiles.PROFILES``: ``paper`` or ``digits``.
        overrides: axis names (``size: B``) or dotted config fields (``training.learning_rate: 2e-4``).

    In YAML a profile's name alone will do (``baseline: digits``).
    """

    how = "a profile's name, or a mapping with profile and overrides"

    profile: str = "digits"
    overrides: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"profile": value} if isinstance(value, str) else value


class Ablation(StudyPart):
    """One question: an axis, what to do with it, and the values to try.

    Attributes:
        name: shown in the report; defaults to the axis's title.
        axis: an axis name or alias.
        action: REPLACE tries ``values``; REMOVE and ADD mean what the axis says.
        values: values or aliases; empty means every value of the axis that the profile knows.
        controls: ``iso-gflops`` adds, for every arm that costs more or less than the baseline, a baseline of another
            width and depth that costs the same; ``none`` adds nothing.

    In YAML an axis alone will do (``- patch size``), and so will a single value (``values: 4``).
    """

    how = "an axis, or a mapping with axis, action and values"

    name: str = ""
    axis: str
    action: Action = "REPLACE"
    values: tuple[Any, ...] = ()
    controls: str = "none"

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"axis": value} if isinstance(value, str) else value

    @field_validator("action", mode="before")
    @classmethod
    def _action(cls, value: Any) -> Any:
        action = value.upper() if isinstance(value, str) else value
        if action not in ACTIONS:
            raise unknown("action", value, ACTIONS)
        return action

    @field_validator("values", mode="before")
    @classmethod
    def _values(cls, value: Any) -> Any:
        return as_values(value, "values")

    @field_validator("controls", mode="before")
    @classmethod
    def _controls(cls, value: Any) -> Any:
        if value not in CONTROLS:
            raise unknown("controls", value, CONTROLS)
        return value


class LadderStep(StudyPart):
    """One step of a ladder: it keeps what the steps before it have set, and sets something more.

    Attributes:
        name: shown in tables and in the arm's name.
        set: axis names (``objective: flow``) or dotted config fields (``training.beta2: 0.95``).
    """

    how = "a mapping with name and set"

    name: str
    set: dict[str, Any]


class PolicySpec(StudyPart):
    """A stopping policy by name; options are checked by the policy itself.

    In YAML either a name (``policy: rungs``) or a mapping (``policy: {name: rungs, stop_fraction: 0.5}``).
    """

    how = "a policy's name, or a mapping with name and options"

    name: str = "rungs"
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and "options" not in value:
            return {"name": value.get("name", "rungs"), "options": {k: v for k, v in value.items() if k != "name"}}
        return value


class Resources(StudyPart):
    """The shape of one lane and how many lanes to run.

    Attributes:
        lanes: worker groups side by side; None takes as many as the cluster has room for.
        workers: DDP workers of one lane.
        cpus_per_worker: CPUs of one worker (also its torch threads).
        gpus_per_worker: GPUs of one worker.
        weight: how much of a shared cluster the study should get, in proportion to other studies' weights.
    """

    how = "a mapping with lanes, workers, cpus_per_worker, gpus_per_worker or weight"

    lanes: Whole | None = Field(None, gt=0)
    workers: Whole = Field(1, gt=0)
    cpus_per_worker: Whole = Field(1, gt=0)
    gpus_per_worker: Real = Field(0, ge=0)
    weight: Real = Field(1, gt=0, le=1000)


class Study(StudyPart):
    """An ablation study. See ``docs/study-files.md`` for examples.

    What is left out comes from the profile of the baseline, in Python as in a file. Rungs and checkpoints belong to a
    budget: a study that sets its own budget has none that it does not set as well.

    Attributes:
        name: identifies the study in the store and names its MLflow experiment.
        description: one line for people.
        baseline: the reference arm.
        ablations: one-factor questions around the baseline.
        grid: full factorial over axes, e.g. ``{patch_size: [2, 4], block: [adaln, adaln-zero]}``.
        ladder: steps that add to each other; every step is an arm.
        seeds: training seeds; every arm runs with each of them.
        budget_images: training images of a finished trial.
        rungs: training images at which arms are evaluated and compared before the budget.
        primary_metric: the metric arms are compared on; must be among the evaluation's metrics.
        policy: the stopping policy.
        resources: lanes and workers.
        checkpoint_images: images between checkpoints inside a segment; None for rungs only.
        keep_checkpoints: ``needed`` keeps a trial's newest and last one and those that a missing measurement starts
            from, ``all`` those at every rung.
    """

    how = "a mapping with name, baseline and ablations, grid or ladder"

    name: str
    description: str = ""
    baseline: Baseline = Baseline()
    ablations: tuple[Ablation, ...] = ()
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    ladder: tuple[LadderStep, ...] = ()
    seeds: tuple[Whole, ...] = _FROM_PROFILE
    budget_images: Whole = Field(_FROM_PROFILE, gt=0, le=MOST_IMAGES)
    rungs: tuple[Whole, ...] = ()
    primary_metric: str = _FROM_PROFILE
    policy: PolicySpec = _FROM_PROFILE
    resources: Resources = _FROM_PROFILE
    checkpoint_images: Whole | None = Field(None, gt=0)
    keep_checkpoints: Literal["needed", "all"] = "needed"

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, value: Any) -> Any:
        return completed(value) if isinstance(value, Mapping) else value

    @property
    def milestones(self) -> tuple[int, ...]:
        """The rungs and, last, the budget: every point at which a trial is evaluated."""
        return (*self.rungs, self.budget_images)

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
            raise UserError(f"name: {value!r} is not a study name; use letters, digits, '.', '_' and '-', at most 100")
        return value

    @field_validator("seeds", "rungs", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("grid", mode="before")
    @classmethod
    def _grid(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise UserError(f"grid: {value!r} is not axes with values; write e.g. {{patch_size: [2, 4]}}")
        return {key: as_values(item, str(key)) for key, item in value.items()}

    @field_validator("ablations", mode="before")
    @classmethod
    def _ablations(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise UserError(
                "ablations: a list is wanted, e.g. [{axis: patch_size, values: [2, 4]}]; for every combination of "
                "several axes' values use grid"
            )
        return value

    @field_validator("ladder", mode="before")
    @classmethod
    def _ladder(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise UserError("ladder: a list of steps is wanted, e.g. [{name: rectified flow, set: {objective: flow}}]")
        return value

    @field_validator("seeds")
    @classmethod
    def _seeds(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for seed in value:
            if not 0 <= seed < 2**31:
                raise UserError(f"seeds: {seed} is not between 0 and {2**31 - 1}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.seeds)) != len(self.seeds):
            repeated = sorted({seed for seed in self.seeds if self.seeds.count(seed) > 1})
            raise UserError(f"seeds: {', '.join(map(str, repeated))} repeats; every seed may appear once")
        steps = [step.name for step in self.ladder]
        for name in steps:
            if not name.strip():
                raise UserError("ladder: a step has no name")
            if steps.count(name) > 1:
                raise UserError(f"ladder: {steps.count(name)} steps are called {name!r}; give each a name of its own")
        if not self.seeds:
            raise UserError("seeds: empty; give at least one, e.g. [0, 1]")
        if list(self.rungs) != sorted(set(self.rungs)) or any(rung <= 0 for rung in self.rungs):
            raise UserError(f"rungs: {list(self.rungs)} is not an increasing list of image counts above 0")
        if self.rungs and self.rungs[-1] >= self.budget_images:
            raise UserError(f"rungs: {self.rungs[-1]} is not below budget_images, {self.budget_images}")
        return self
