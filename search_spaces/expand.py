"""A study, spelled out: every distinct arm once, and which ablation asked for it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from dit_core.errors import UserError, unknown
from search_spaces.arms import Arms
from search_spaces.axes import Axis, find_axis
from search_spaces.controls import changes_shape, control_for, needs_control
from search_spaces.fields import get_field, with_fields
from search_spaces.ladder import ladder_view
from search_spaces.overrides import baseline_config, read_settings
from search_spaces.profiles import PROFILES
from search_spaces.schedule import check_schedule
from search_spaces.study import Ablation, Study
from search_spaces.types import AblationView, Expansion, Proposal

GRID = "Grid"
PROPOSED = "Proposed"


def expand(study: Study, proposals: Sequence[Proposal] = ()) -> Expansion:
    """Returns the union of the study's ablations, its grid and its ladder around one baseline, and what was proposed.

    Proposals add arms at the end and change none of the others.

    Args:
        study: the study.
        proposals: arms that were asked for while the study ran, oldest first.

    Raises:
        UserError: in one sentence, the first thing that makes the study impossible.
    """
    profile = PROFILES.get(study.baseline.profile, "baseline.profile")
    baseline = baseline_config(study, profile)
    if study.primary_metric not in baseline.evaluation.metrics:
        raise unknown("primary_metric", study.primary_metric, baseline.evaluation.metrics)
    if not (study.ablations or study.grid or study.ladder):
        raise UserError("the study varies nothing; give ablations, a grid or a ladder, e.g. grid: {patch_size: [2, 4]}")
    arms = Arms(baseline, profile)
    views = [_ablation(ablation, arms) for ablation in study.ablations]
    if study.grid:
        views.append(_grid(study.grid, arms))
    if study.ladder:
        views.append(ladder_view(study.ladder, arms))
    if proposals:
        views.append(_proposed(proposals, arms))
    _distinct([view.name for view in views])
    found = arms.finished()
    check_schedule(study, found)
    return Expansion(study, found, tuple(views))


def _proposed(proposals: Sequence[Proposal], arms: Arms) -> AblationView:
    rows = [("baseline", arms.ask({}, PROPOSED)[0])]
    adds, notes = [], []
    for proposal in proposals:
        where = f"proposal {proposal.name!r}" if proposal.name else "proposal"
        settings = read_settings(proposal.set, arms.baseline, arms.profile, where)
        label = proposal.name or ",".join(f"{key}={value}" for key, value in proposal.set.items())
        arm, new = arms.ask(settings, PROPOSED, label, proposal.name, proposed=True)
        rows.append((label, arm))
        adds += [arm] if new else []
        notes += [f"{label}: {proposal.reason}"] if proposal.reason else []
    return AblationView(PROPOSED, "proposed", "PROPOSE", tuple(rows), tuple(adds), tuple(notes))


def _ablation(ablation: Ablation, arms: Arms) -> AblationView:
    axis = find_axis(ablation.axis, f"ablation {ablation.name!r}" if ablation.name else "ablations")
    name = ablation.name or axis.title
    try:
        values, notes = _values(ablation, axis, arms)
    except UserError as error:
        raise UserError(f"ablation {name!r}: {error}") from None
    own = axis.current(arms.baseline, arms.profile)
    shown = values if own in values else (own, *values)
    rows, adds = [], []
    controls: list[tuple[str, dict[str, Any]]] = []
    for value in shown:
        settings = {} if value == own else axis.settings(value, arms.profile, arms.baseline)
        label = axis.label(value) if value is not None else "baseline"
        arm, new = arms.ask(settings, name, f"{axis.name}={label}")
        rows.append((label, arm))
        adds += [arm] if new else []
        if ablation.controls == "iso-gflops" and settings:
            controls += _control(label, settings, arms, notes)
    for label, settings in controls:
        arm, new = arms.ask(settings, name, label)
        rows.append((label, arm))
        adds += [arm] if new else []
    if not adds:
        notes.append("adds no arm: every one it asks for is there already")
    return AblationView(name, axis.name, ablation.action, tuple(rows), tuple(adds), tuple(notes))


def _control(label: str, settings: dict[str, Any], arms: Arms, notes: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Returns the control of an arm as (label, settings), if it needs one and there is one; ``notes`` says which."""
    config, baseline = with_fields(arms.baseline, settings), arms.baseline
    if not needs_control(config, baseline):
        return []
    if changes_shape(config, baseline):
        notes.append(f"no control for {label}: width and depth are what it changes")
        return []
    found = control_for(config, baseline)
    if found is None:
        notes.append(f"no control for {label}: no width and depth of the baseline come within 10 % of its Gflops")
        return []
    shape, ratio = found
    changed = {key: value for key, value in shape.settings.items() if value != get_field(baseline, key)}
    notes.append(
        f"control for {label}: the baseline with {shape.depth} blocks of width {shape.hidden_size}, "
        f"{ratio:.3f} times the Gflops of {label}"
    )
    return [(f"control for {label}", changed)]


def _values(ablation: Ablation, axis: Axis, arms: Arms) -> tuple[tuple[Any, ...], list[str]]:
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
    return values, [f"names no value, so it tries the usual ones: {', '.join(map(axis.label, values))}"]


def _grid(grid: dict[str, tuple[Any, ...]], arms: Arms) -> AblationView:
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


def _grid_row(axes: Sequence[Axis], point: Sequence[Any], arms: Arms) -> tuple[str, str, bool]:
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
