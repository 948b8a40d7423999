"""The contrasts of a study: everything that its report compares, each once.

Every arm against the baseline, every ladder step against the step before, every arm against its control, every cell
of a grid against what its changes alone add up to, and what a design compares instead: the effects of a factorial, a
full system less one component, an arm and its own outer value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from search_spaces.controls import control_label
from search_spaces.types import AblationView, Expansion
from service.analysis.effects import effects
from service.statistics.contrast import Contrast, Kind, Place

EVALUATION_SEED = "evaluation_seed"
"""The axis whose arms are further measurements of the same weights."""

Weights = tuple[tuple[str, float], ...]


def contrasts(expansion: Expansion) -> tuple[Contrast, ...]:
    """Returns all contrasts of a study, in the order in which its questions show them.

    The questions that the study names are confirmatory; when it names none, all are, but for arms that were proposed
    while it ran. Of a study that tunes its arms they are so as they are asked of tuned arms.
    """
    baseline, again = expansion.baseline.name, repeated(expansion)
    named = _confirmatory(expansion)
    places: dict[frozenset[tuple[str, float]], list[Place]] = {}
    weights_of: dict[frozenset[tuple[str, float]], Weights] = {}
    for view in expansion.ablations:
        for place, weights in (
            *_arms(view, baseline, again),
            *_steps(view),
            *_controls(view),
            *_interactions(view, expansion),
            *_beside(view),
            *effects(view),
        ):
            key = frozenset(weights)
            weights_of.setdefault(key, weights)
            places.setdefault(key, []).append(place)
    return tuple(
        Contrast(
            weights[0][0],
            tuple(arm for arm, _ in weights[1:]),
            weights,
            tuple(places[key]),
            confirmatory=any(place.question in named for place in places[key]),
        )
        for key, weights in weights_of.items()
    )


def _confirmatory(expansion: Expansion) -> tuple[str, ...]:
    """Names of the questions that the study is run to answer."""
    own = (view for view in expansion.ablations if view.action not in ("PROPOSE", "TUNE") and not view.tuned_from)
    named = expansion.study.confirmatory or tuple(view.name for view in own)
    return tuple(view.name for view in expansion.ablations if view.tuned_from in named) or named


def is_control(view: AblationView, label: str) -> bool:
    """Whether a label of an ablation is that of another arm's control."""
    return any(label == control_label(other) for other, _ in view.arms)


def repeated(expansion: Expansion) -> frozenset[str]:
    """Returns the arms that are further measurements of the baseline's weights: they answer no question."""
    return frozenset(arm.name for arm in expansion.arms if set(arm.delta) == {EVALUATION_SEED})


def _arms(view: AblationView, baseline: str, repeated: frozenset[str]) -> Iterator[tuple[Place, Weights]]:
    if view.references or view.action == "TUNE":
        return
    for label, arm in view.arms:
        if arm not in (baseline, view.reference, *repeated) and label not in view.beside:
            yield Place(Kind.ARM, view.name, label), ((arm, 1.0), (baseline, -1.0))


def _steps(view: AblationView) -> Iterator[tuple[Place, Weights]]:
    if view.action == "LADDER":
        for (_, before), (label, arm) in zip(view.arms, view.arms[1:], strict=False):
            if arm != before:
                yield Place(Kind.STEP, view.name, label), ((arm, 1.0), (before, -1.0))


def _controls(view: AblationView) -> Iterator[tuple[Place, Weights]]:
    by_label = dict(view.arms)
    for label, arm in view.arms:
        control = by_label.get(control_label(label))
        if control is not None and control != arm:
            yield Place(Kind.CONTROL, view.name, label), ((arm, 1.0), (control, -1.0))


def _beside(view: AblationView) -> Iterator[tuple[Place, Weights]]:
    """Arms that are compared with another arm of their question instead of the baseline."""
    arms = dict(view.arms)
    for label, other in view.beside.items():
        if arms[label] != arms[other]:
            yield Place(Kind.BESIDE, view.name, label), ((arms[label], 1.0), (arms[other], -1.0))


def _interactions(view: AblationView, expansion: Expansion) -> Iterator[tuple[Place, Weights]]:
    """Every cell of a grid that changes several axes, where each of the changes alone is an arm, too."""
    if view.action != "GRID" or view.tuned_from:
        return
    alone: dict[tuple[str, str], str] = {}
    for arm in expansion.arms:
        if len(arm.delta) == 1:
            alone.setdefault(_changes(arm.delta)[0], arm.name)
    for label, name in view.arms:
        delta = expansion.arm(name).delta
        singles = [alone.get(change) for change in _changes(delta)]
        parts = [single for single in singles if single is not None]
        if len(delta) > 1 and len(parts) == len(singles):
            own = [(name, 1.0), *((single, -1.0) for single in parts)]
            yield Place(Kind.INTERACTION, view.name, label), (*own, (expansion.baseline.name, len(delta) - 1.0))


def _changes(delta: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(axis, repr(value)) for axis, value in delta.items()]
