"""A study, spelled out: every distinct arm once, and which ablation asked for it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dit_core.base import Config
from dit_core.config import TrialConfig
from dit_core.errors import UserError, unknown
from search_spaces.axes import Axis, all_axes, find_axis
from search_spaces.fields import get_field, with_fields
from search_spaces.profiles import PROFILES, Profile
from search_spaces.schedule import check_schedule
from search_spaces.study import Ablation, Study
from search_spaces.types import AblationView, Arm, Expansion

GRID = "Grid"


def expand(study: Study) -> Expansion:
    """Returns the union of the study's ablations and its grid around one baseline.

    Args:
        study: the study.

    Raises:
        UserError: in one sentence, the first thing that makes the study impossible.
    """
    profile = PROFILES.get(study.baseline.profile, "baseline.profile")
    baseline = baseline_config(study, profile)
    if study.primary_metric not in baseline.evaluation.metrics:
        raise unknown("primary_metric", study.primary_metric, baseline.evaluation.metrics)
    if not study.ablations and not study.grid:
        raise UserError("the study varies nothing; give ablations or a grid, e.g. grid: {patch_size: [2, 4]}")
    arms = _Arms(baseline, profile)
    views = [_ablation(ablation, arms) for ablation in study.ablations]
    if study.grid:
        views.append(_grid(study.grid, arms))
    _distinct([view.name for view in views])
    check_schedule(study, arms.found.values())
    return Expansion(study, arms.finished(), tuple(views))


def baseline_config(study: Study, profile: Profile) -> TrialConfig:
    """Returns the baseline: the profile's configuration with the study's overrides, set all at once."""
    settings: dict[str, Any] = {}
    for key, value in study.baseline.overrides.items():
        if key == "seed":
            raise UserError("baseline.overrides.seed: seeds are not part of the baseline; write them under seeds")
        if "." in key:
            settings[key] = value
        else:
            axis = _override_axis(key, profile)
            try:
                settings |= axis.settings(axis.parse(value, profile), profile, profile.config)
            except UserError as error:
                raise UserError(f"baseline.overrides: {error}") from None
    return with_fields(profile.config, settings, "baseline.overrides")


def _override_axis(key: str, profile: Profile) -> Axis:
    """Returns the axis called ``key``; a config field written without its section gets the whole name as a hint."""
    try:
        return find_axis(key, "baseline.overrides")
    except UserError as error:
        dotted = [
            f"{section}.{key}"
            for section, value in profile.config
            if isinstance(value, Config) and key in type(value).model_fields
        ]
        if dotted:
            names = " or ".join(map(repr, dotted))
            raise UserError(f"baseline.overrides: {key!r} is no axis; did you mean the field {names}?") from None
        raise error


@dataclass
class _Arms:
    """The arms found so far, by configuration."""

    baseline: TrialConfig
    profile: Profile
    found: dict[str, Arm] = field(default_factory=dict)
    asked: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ask({}, None)

    def ask(self, settings: dict[str, Any], ablation: str | None, label: str = "") -> tuple[str, bool]:
        """Returns the arm with ``settings`` and whether it is new; an invalid one is named by ``label``."""
        config = with_fields(self.baseline, settings, f"arm {label!r}" if label else "")
        key = config.model_dump_json()
        new = key not in self.found
        if new:
            delta, name = self._delta(config)
            self.found[key] = Arm(name or "baseline", config, delta, (), is_baseline=not name)
            self.asked[key] = []
        if ablation is not None and ablation not in self.asked[key]:
            self.asked[key].append(ablation)
        return self.found[key].name, new

    def finished(self) -> tuple[Arm, ...]:
        """Returns every arm with the ablations that asked for it, the baseline first."""
        return tuple(
            Arm(arm.name, arm.config, arm.delta, tuple(self.asked[key]), arm.is_baseline)
            for key, arm in self.found.items()
        )

    def _delta(self, config: TrialConfig) -> tuple[dict[str, Any], str]:
        """Describes how ``config`` differs from the baseline, by the first axes that cover the differing fields."""
        delta: dict[str, Any] = {}
        labels: list[str] = []
        covered: set[str] = set()
        for axis in all_axes():
            changed = {f for f in axis.fields if get_field(config, f) != get_field(self.baseline, f)} - covered
            value = axis.current(config, self.profile)
            if changed and value is not None:
                delta[axis.name] = value
                labels.append(f"{axis.name}={axis.label(value)}")
                covered |= set(axis.fields)
        return delta, ",".join(labels)


def _ablation(ablation: Ablation, arms: _Arms) -> AblationView:
    axis = find_axis(ablation.axis, f"ablation {ablation.name!r}" if ablation.name else "ablations")
    name = ablation.name or axis.title
    try:
        values, notes = _values(ablation, axis, arms)
    except UserError as error:
        raise UserError(f"ablation {name!r}: {error}") from None
    own = axis.current(arms.baseline, arms.profile)
    shown = values if own in values else (own, *values)
    rows, adds = [], []
    for value in shown:
        settings = {} if value == own else axis.settings(value, arms.profile, arms.baseline)
        label = axis.label(value) if value is not None else "baseline"
        arm, new = arms.ask(settings, name, f"{axis.name}={label}")
        rows.append((label, arm))
        adds += [arm] if new else []
    if not adds:
        notes.append("adds no arm: every one it asks for is there already")
    return AblationView(name, axis.name, ablation.action, tuple(rows), tuple(adds), tuple(notes))


def _values(ablation: Ablation, axis: Axis, arms: _Arms) -> tuple[tuple[Any, ...], list[str]]:
    """Returns the distinct values that an ablation asks for, and how that was understood."""
    profile, baseline = arms.profile, arms.baseline
    given = _distinct_values([axis.parse(value, profile) for value in ablation.values])
    if ablation.action == "REMOVE":
        if given:
            raise UserError("REMOVE takes no values; use REPLACE to try some")
        return axis.remove(baseline, profile), [f"REMOVE means {axis.remove_means}"]
    if ablation.action == "ADD":
        return axis.add(baseline, profile, given), [f"ADD means {axis.add_means}"]
    if given:
        return given, []
    values = axis.values(profile)
    return values, [f"names no value, so it tries every one: {', '.join(map(axis.label, values))}"]


def _grid(grid: dict[str, tuple[Any, ...]], arms: _Arms) -> AblationView:
    axes: list[Axis] = []
    columns: list[tuple[Any, ...]] = []
    setter: dict[str, str] = {}
    for key, values in grid.items():
        axis = find_axis(key, "grid")
        for taken in axis.fields:
            if taken in setter:
                raise UserError(f"grid: {setter[taken]!r} and {key!r} both set {taken}; keep one of them")
            setter[taken] = key
        if not values:
            tried = ", ".join(map(axis.label, axis.values(arms.profile)))
            raise UserError(f"grid.{key}: empty; give values, e.g. [{tried}]")
        try:
            columns.append(_distinct_values([axis.parse(value, arms.profile) for value in values]))
        except UserError as error:
            raise UserError(f"grid: {error}") from None
        axes.append(axis)
    rows = [_grid_row(axes, point, arms) for point in itertools.product(*columns)]
    if not any(arm == "baseline" for _, arm, _ in rows):
        rows.insert(0, ("baseline", *arms.ask({}, GRID)))
    shape = " x ".join(str(len(column)) for column in columns)
    return AblationView(
        GRID,
        ", ".join(axis.name for axis in axes),
        "GRID",
        tuple((label, arm) for label, arm, _ in rows),
        tuple(arm for _, arm, new in rows if new),
        (f"{shape} values",),
    )


def _grid_row(axes: Sequence[Axis], point: Sequence[Any], arms: _Arms) -> tuple[str, str, bool]:
    settings: dict[str, Any] = {}
    for axis, value in zip(axes, point, strict=True):
        if value != axis.current(arms.baseline, arms.profile):
            settings |= axis.settings(value, arms.profile, arms.baseline)
    label = ",".join(f"{axis.name}={axis.label(value)}" for axis, value in zip(axes, point, strict=True))
    return (label, *arms.ask(settings, GRID, label))


def _distinct_values(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _distinct(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"ablations: {names.count(name)} of them are called {name!r}; give each a name of its own")
