"""A study, spelled out: every distinct arm once, and which ablation asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dit_core.errors import UserError, unknown
from search_spaces.arms import Arms
from search_spaces.axes import Axis, find_axis
from search_spaces.controls import changes_shape, control_for, control_label, needs_control
from search_spaces.designs import designed, grid_view
from search_spaces.fields import get_field, with_fields
from search_spaces.ladder import ladder_view
from search_spaces.overrides import baseline_config, written
from search_spaces.profiles import PROFILES
from search_spaces.proposed import proposed_view
from search_spaces.schedule import check_schedule
from search_spaces.search_check import check_search, check_tuned
from search_spaces.study import Ablation, LadderStep, Study
from search_spaces.tuned import is_tuned, tuned_arms, tuned_views
from search_spaces.types import AblationView, Expansion, Proposal, Tuned


def expand(study: Study, proposals: Sequence[Proposal] = ()) -> Expansion:
    """Returns the union of the study's ablations, its grid and its ladder around one baseline, and what was proposed.

    Proposals add arms at the end and change none of the others.

    Args:
        study: the study.
        proposals: arms that were asked for while the study ran, oldest first.

    Raises:
        UserError: in one sentence, the first thing that makes the study impossible.
    """
    known = PROFILES.get(study.baseline.profile, "baseline.profile")
    profile = replace(known, budget_images=study.budget_images)
    baseline = baseline_config(study, profile)
    if study.primary_metric not in baseline.evaluation.metrics:
        raise unknown("primary_metric", study.primary_metric, baseline.evaluation.metrics)
    if not (study.ablations or study.grid or study.ladder or study.search):
        raise UserError("the study varies nothing; give ablations, a grid or a ladder, e.g. grid: {patch_size: [2, 4]}")
    arms = Arms(baseline, profile)
    if study.search is not None:
        check_search(study.search, arms)
    views = [_ablation(ablation, arms, study.ladder) for ablation in study.ablations]
    if study.grid:
        views.append(grid_view(Ablation(axis=", ".join(study.grid), grid=study.grid), arms))
    if study.ladder:
        views.append(ladder_view(study.ladder, arms))
    if study.tune is not None:
        check_search(study.tune, arms, "tune")
        check_tuned(study.tune, arms)
    questions = [view.name for view in views]
    tuned: dict[str, Tuned] = {}
    if study.tune is not None:
        tuned = tuned_arms([proposal for proposal in proposals if is_tuned(proposal)], arms)
        views += tuned_views(views, tuned, study.tune, arms.found)
    if others := [proposal for proposal in proposals if not (study.tune is not None and is_tuned(proposal))]:
        views.append(proposed_view(others, arms))
    _distinct([view.name for view in views])
    for name in study.confirmatory:
        if name not in questions:
            raise unknown("confirmatory", name, questions)
    found = arms.finished()
    check_schedule(study, found)
    return Expansion(study, found, tuple(views), _notes(study), tuned)


def _notes(study: Study) -> tuple[str, ...]:
    """What concerns the whole study, in sentences."""
    return (
        *_on_comparing(study),
        *((study.search.text,) if study.search is not None else ()),
        *((study.tune.text(study),) if study.tune is not None else ()),
    )


def _on_comparing(study: Study) -> tuple[str, ...]:
    if study.compare_at != "images" and not study.rungs:
        return (
            f"compare_at is {study.compare_at} and there are no rungs: arms that are dearer than the cheapest one are "
            "compared before their end, where they are not measured. Give rungs.",
        )
    return ()


def _ablation(ablation: Ablation, arms: Arms, ladder: tuple[LadderStep, ...]) -> AblationView:
    design = designed(ablation, arms, ladder)
    if design is not None:
        return design
    axis = find_axis(ablation.axis, f"ablation {ablation.name!r}" if ablation.name else "ablations")
    name = ablation.name or axis.title
    try:
        values, notes = _values(ablation, axis, arms)
    except UserError as error:
        raise UserError(f"ablation {name!r}: {error}") from None
    own = axis.current(arms.baseline, arms.profile)
    shown = values if own in values else (own, *values)
    rows, adds = [], []
    own_names = written([axis.name])
    controls: list[tuple[str, dict[str, Any], str]] = []
    for value in shown:
        settings = {} if value == own else axis.settings(value, arms.profile, arms.baseline)
        label = axis.label(value) if value is not None else "baseline"
        arm, new = arms.ask(settings, name, f"{axis.name}={label}", written=own_names)
        rows.append((label, arm))
        adds += [arm] if new else []
        notes += [f"{label}: {caution}"] if (caution := axis.caution(value, arms.baseline)) else []
        if ablation.controls == "iso-gflops" and settings:
            controls += [(*control, arm) for control in _control(label, settings, arms, notes)]
    regular = {arm for _, arm in rows}
    beside: dict[str, list[str]] = {}
    for label, settings, partner in controls:
        arm, new = arms.ask(settings, name, label)
        rows.append((label, arm))
        adds += [arm] if new else []
        if arm not in regular:
            beside.setdefault(arm, []).append(partner)
    if not adds:
        notes.append("adds no arm: every one it asks for is there already")
    partners = {arm: (tuple(others),) for arm, others in beside.items()}
    return AblationView(
        name, axis.name, ablation.action, tuple(rows), tuple(adds), tuple(notes), partners, tuple(beside)
    )


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
    return [(control_label(label), changed)]


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


def _distinct_values(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _distinct(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"ablations: {names.count(name)} of them are called {name!r}; give each a name of its own")
