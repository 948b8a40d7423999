"""The study file: what to vary, with which seeds and budget, and how weak arms are stopped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from dit_core.errors import UserError, unknown
from search_spaces.search_space import SearchSpec
from search_spaces.seeds import as_seeds
from search_spaces.study_defaults import DEFAULT_POLICY, completed
from search_spaces.study_part import Real as Real
from search_spaces.study_part import StudyPart as StudyPart
from search_spaces.study_part import Whole as Whole
from search_spaces.tuning import SUFFIX, TuneSpec
from search_spaces.written_values import as_conditions, as_grid, as_values, not_endless, repeated

Action = Literal["REPLACE", "REMOVE", "ADD"]
ACTIONS: tuple[Action, ...] = ("REPLACE", "REMOVE", "ADD")
LEAVE_ONE_OUT = "leave one out"
"""Stands for the axis of a question about the components of a full system."""
POINTS = ("profile", "grid")
"""Where the baseline stands."""
CONTROLS = ("none", "iso-gflops")
EQUAL = ("images", "training-compute", "device-time")
"""What may be equal where arms are compared at full length."""
KEPT = ("needed", "all")
"""Which checkpoints of a trial may stay."""

_FROM_PROFILE: Any = None
"""Stands where the baseline's profile supplies the value (see ``study_defaults.completed``)."""


MOST_IMAGES = 10**15
"""More training images than that are a slip of the keyboard."""


class Baseline(StudyPart):
    """The arm that every other arm is compared with.

    Attributes:
        profile: a name in ``search_spaces.profiles.PROFILES``: ``paper`` or ``digits``.
        overrides: axis names (``size: B``) or dotted config fields (``training.learning_rate: 2e-4``).
        point: ``grid`` makes the first point of the study's grid the baseline, so that no arm beside the grid is run;
            ``profile`` leaves it as it is.

    In YAML a profile's name alone will do (``baseline: digits``).
    """

    how = "a profile's name, or a mapping with profile and overrides"

    profile: str = "digits"
    overrides: dict[str, Any] = Field(default_factory=dict)
    point: str = "profile"

    @field_validator("point", mode="before")
    @classmethod
    def _point(cls, value: Any) -> Any:
        if value not in POINTS:
            raise unknown("baseline.point", value, POINTS)
        return value

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"profile": value} if isinstance(value, str) else value


class LadderStep(StudyPart):
    """One step of a ladder: it keeps what the steps before it have set, and sets something more.

    Attributes:
        name: shown in tables and in the arm's name.
        set: axis names (``objective: flow``) or dotted config fields (``training.beta2: 0.95``).
    """

    how = "a mapping with name and set"

    name: str
    set: dict[str, Any]


class Ablation(StudyPart):
    """One question: an axis, what to do with it, and the values to try; or several axes in every combination.

    Attributes:
        name: shown in the report; defaults to the axis's title.
        axis: an axis name or alias.
        action: REPLACE tries ``values``; REMOVE and ADD mean what the axis says.
        values: values or aliases; empty means every value of the axis that the profile knows.
        controls: ``iso-gflops`` adds, for every arm that costs more or less than the baseline, a baseline of another
            width and depth that costs the same; ``none`` adds nothing.
        grid: instead of an axis: several axes with their values, of which every combination is tried.
        effects: of a grid: whether main effects and interactions of two axes are compared, rather than every cell.
        generators: of a grid of axes with two values each: axis -> axes whose levels' product is its level; so a part
            of the combinations is run, see ``search_spaces/designs/fraction.py``.
        when: of a grid: axis -> (other axis -> values at which it is varied).
        sample: of a grid: how many of its points are drawn and run.
        draw: another number draws other points.
        zip: instead of an axis: several axes or dotted fields with as many values each, which change together.
        leave_one_out: instead of an axis: components of a full system, each of which is left out in turn, or
            ``ladder`` for the study's ladder.
        within: of an axis: other axes with their values, at each of which the question is asked anew.

    In YAML an axis alone will do (``- patch size``), and so will a single value (``values: 4``).
    """

    how = "an axis, or a mapping with axis, action and values, or with name and grid"

    name: str = ""
    axis: str
    action: Action = "REPLACE"
    values: tuple[Any, ...] = ()
    controls: str = "none"
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    effects: bool = False
    generators: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    when: dict[str, dict[str, tuple[Any, ...]]] = Field(default_factory=dict)
    sample: Whole | None = Field(None, gt=0, le=10_000)
    draw: Whole = Field(0, ge=0)
    zip: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    leave_one_out: tuple[LadderStep, ...] | Literal["ladder"] = ()
    within: dict[str, tuple[Any, ...]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            for form in ("grid", "zip"):
                if isinstance(value.get(form), Mapping) and value[form]:
                    return {"axis": ", ".join(map(str, value[form])), **value}
            return {"axis": LEAVE_ONE_OUT, **value} if value.get("leave_one_out") else value
        return {"axis": value} if isinstance(value, str) else value

    @field_validator("grid", "within", mode="before")
    @classmethod
    def _grid(cls, value: Any, info: ValidationInfo) -> Any:
        return as_grid(value, str(info.field_name))

    @field_validator("zip", mode="before")
    @classmethod
    def _zip(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or not all(isinstance(own, list | tuple) for own in value.values()):
            raise UserError(
                f"zip: {value!r:.60} is not axes with lists; write e.g. {{batch_size: [64, 128], lr: [1, 2]}}"
            )
        return value

    @field_validator("generators", "when", mode="before")
    @classmethod
    def _mappings(cls, value: Any, info: ValidationInfo) -> Any:
        return as_conditions(value) if info.field_name == "when" else as_grid(value, "generators")

    @field_validator("leave_one_out", mode="before")
    @classmethod
    def _components(cls, value: Any) -> Any:
        if value != "ladder" and not isinstance(value, list | tuple):
            raise UserError(
                "leave_one_out: a list of components is wanted, e.g. [{name: rectified flow, set: {objective: flow}}], "
                "or ladder for the study's own"
            )
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = {"grid": self.grid, "zip": self.zip, "leave_one_out": self.leave_one_out}
        given = [form for form, value in forms.items() if value]
        if len(given) > 1:
            raise UserError(f"{given[1]}: an ablation has one form; keep {given[0]} or {given[1]}")
        own = LEAVE_ONE_OUT if self.leave_one_out else ", ".join(self.grid or self.zip)
        if given and (self.values or self.action != "REPLACE" or self.axis != own or self.controls != "none"):
            raise UserError(f"{given[0]}: an ablation has a {given[0]}, or an axis with action and values")
        for name in ("effects", "generators", "when", "sample"):
            if getattr(self, name) and not self.grid:
                raise UserError(f"{name}: it belongs to a grid, and this ablation has none")
        for one, other in (
            ("generators", "when"),
            ("generators", "sample"),
            ("effects", "when"),
            ("effects", "sample"),
        ):
            if getattr(self, one) and getattr(self, other):
                raise UserError(f"{other}: a grid has {one} or {other}; keep one of them")
        if self.within and (given or self.action != "REPLACE" or self.controls != "none"):
            raise UserError("within: it belongs to an axis with values, without action or controls")
        return self

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


class PolicySpec(StudyPart):
    """A stopping policy by name; options are checked by the policy itself.

    In YAML either a name (``policy: futility``) or a mapping (``policy: {name: futility, risk: 0.1}``).
    """

    how = "a policy's name, or a mapping with name and options"

    name: str = DEFAULT_POLICY
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and "options" not in value:
            return {
                "name": value.get("name", DEFAULT_POLICY),
                "options": {k: v for k, v in value.items() if k != "name"},
            }
        return value


class Resources(StudyPart):
    """The shape of one lane, how many lanes to run, and what they may cost.

    A device is a worker's: its GPUs, or its CPUs where it has none. Device-hours are the hours that workers are up,
    summed over workers and over all runs of the study.

    Attributes:
        lanes: worker groups side by side; None takes as many as the cluster has room for.
        workers: DDP workers of one lane.
        cpus_per_worker: CPUs of one worker (also its torch threads).
        gpus_per_worker: GPUs of one worker: one, or, where lanes have one worker, the part of one that a lane has.
        accelerator_type: the kind of GPU that lanes are to have, as Ray calls it (``H100``, ``A100``); None for any.
        weight: how much of a shared cluster the study should get, in proportion to other studies' weights.
        max_device_hours: device-hours after which nothing more is begun; None for any number.
        max_cost: the same as an amount of money, at the price below; None for any.
        price_per_device_hour: what a device-hour costs; None where nobody says.
        currency: what both are in.
    """

    how = "a mapping with lanes, workers, cpus_per_worker, gpus_per_worker, weight, max_device_hours or max_cost"

    lanes: Whole | None = Field(None, gt=0)
    workers: Whole = Field(1, gt=0)
    cpus_per_worker: Whole = Field(1, gt=0)
    gpus_per_worker: Real = Field(0, ge=0)
    accelerator_type: str | None = Field(None, min_length=1, max_length=64)
    weight: Real = Field(1, gt=0, le=1000)
    max_device_hours: Real | None = Field(None, gt=0, allow_inf_nan=False)
    max_cost: Real | None = Field(None, gt=0, allow_inf_nan=False)
    price_per_device_hour: Real | None = Field(None, gt=0, allow_inf_nan=False)
    currency: str = Field("USD", min_length=1, max_length=12)

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if self.max_cost is not None and self.price_per_device_hour is None:
            raise UserError(
                f"max_cost: {self.max_cost:g} given without a price; give price_per_device_hour beside it, or cap "
                "max_device_hours instead"
            )
        if self.price_per_device_hour is not None and self.max_cost is None and self.max_device_hours is None:
            raise UserError(
                f"price_per_device_hour: {self.price_per_device_hour:g} given without a cap; give max_cost or "
                "max_device_hours beside it, or leave the price out"
            )
        return self


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
        search: values that are proposed while the study runs, see ``search_spaces/search_space.py``.
        tune: values that are chosen for every arm before arms are compared, see ``search_spaces/tuning.py``.
        seeds: training seeds; every arm runs with each of them.
        budget_images: training images of a finished trial.
        rungs: training images at which arms are evaluated and compared before the budget.
        primary_metric: the metric arms are compared on; must be among the evaluation's metrics.
        policy: the stopping policy.
        resources: lanes and workers.
        checkpoint_images: images between checkpoints inside a segment; None for rungs only.
        keep_checkpoints: ``needed`` keeps a trial's newest and last one and those that a missing measurement starts
            from, ``all`` those at every rung.
        confirmatory: names of the questions (ablations, ``Grid``, ``Ladder``) that the study is run to answer; they are
            corrected among themselves, and all others are exploratory. Empty: every question of the study.
        compare_at: what is equal where arms are compared: ``images``; ``training-compute`` or ``device-time``, each up
            to what the cheapest arm spends in all, dearer arms being taken before their end.
        equivalence_margin: what differs by less than this share does not matter (``0.05``: 5 %); None: no difference is
            ever called too small to matter.
        plugins: Python files, or packages' folders, that register parts of one's own; beside the study's file.
    """

    how = "a mapping with name, baseline and ablations, grid or ladder"

    name: str
    description: str = ""
    baseline: Baseline = Baseline()
    ablations: tuple[Ablation, ...] = ()
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    ladder: tuple[LadderStep, ...] = ()
    search: SearchSpec | None = None
    tune: TuneSpec | None = None
    seeds: tuple[Whole, ...] = _FROM_PROFILE
    budget_images: Whole = Field(_FROM_PROFILE, gt=0, le=MOST_IMAGES)
    rungs: tuple[Whole, ...] = ()
    primary_metric: str = _FROM_PROFILE
    policy: PolicySpec = _FROM_PROFILE
    resources: Resources = _FROM_PROFILE
    checkpoint_images: Whole | None = Field(None, gt=0)
    keep_checkpoints: Literal["needed", "all"] = "needed"
    confirmatory: tuple[str, ...] = ()
    equivalence_margin: Real | None = Field(None, gt=0, lt=1)
    compare_at: str = "images"
    plugins: tuple[str, ...] = ()

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
            raise UserError(
                f"name: {value!r} is not a study name; use letters, digits, '.', '_' and '-', at most 100, "
                "beginning with a letter or a digit"
            )
        return value

    @field_validator("ablations", "ladder", "rungs", "confirmatory", "plugins", mode="before")
    @classmethod
    def _not_endless(cls, value: Any, info: ValidationInfo) -> Any:
        return not_endless(value, str(info.field_name))

    @field_validator("seeds", mode="before")
    @classmethod
    def _listed_seeds(cls, value: Any) -> Any:
        return as_seeds(value, "seeds")

    @field_validator("rungs", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        if value is None or isinstance(value, str | bool):
            raise UserError(f"rungs: {value!r:.60} given; write image counts, e.g. [12800, 25600], or [] for no rungs")
        return (value,) if isinstance(value, int) else value

    @field_validator("keep_checkpoints", mode="before")
    @classmethod
    def _keep_checkpoints(cls, value: Any) -> Any:
        if value not in KEPT:
            raise unknown("keep_checkpoints", value, KEPT)
        return value

    @field_validator("compare_at", mode="before")
    @classmethod
    def _compare_at(cls, value: Any) -> Any:
        if value not in EQUAL:
            raise unknown("compare_at", value, EQUAL)
        return value

    @field_validator("confirmatory", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise UserError(f"confirmatory: {value!r} is not a list of questions' names, e.g. [Ladder]")
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"confirmatory: {name!r} repeats; name every question once")
        return names

    @field_validator("plugins", mode="before")
    @classmethod
    def _plugins(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("grid", mode="before")
    @classmethod
    def _grid(cls, value: Any) -> Any:
        return as_grid(value)

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
            twice = sorted(repeated(self.seeds))
            raise UserError(f"seeds: {', '.join(map(str, twice))} repeats; every seed may appear once")
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
        if self.search is not None:
            self.search.check(self.primary_metric, self.policy.name, self.seeds)
        if self.tune is not None:
            self._check_tune(self.tune)
        longest = 100 - len(SUFFIX)  # of studies that run with it the name is longer
        if (self.tune is not None or (self.search is not None and self.search.finalists)) and len(self.name) > longest:
            raise UserError(f"name: at most {longest} characters where arms are tuned or finalists compared again")
        if self.rungs and self.rungs[-1] >= self.budget_images:
            raise UserError(f"rungs: {self.rungs[-1]} is not below budget_images, {self.budget_images}")
        return self

    def _check_tune(self, tune: TuneSpec) -> None:
        if self.search is not None:
            raise UserError("tune: the study has a search, whose arms are what it proposes; keep search or tune")
        if not (self.ablations or self.grid or self.ladder):
            raise UserError("tune: the study has no arm to tune but the baseline; use search for that")
        tune.check(self.seeds, self.rungs, self.budget_images)
