"""What differs between two arms beyond what their question asks: in sentences, on verdicts, as a tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from search_spaces.differences import Difference, differences
from search_spaces.profiles import PROFILES
from search_spaces.shapes import SHAPE_FIELDS
from search_spaces.types import AblationView, Expansion
from service.analysis.contrasts import contrasts, is_control
from service.analysis.sentences import listing
from service.statistics.contrast import Contrast, Kind, Place
from service.statistics.verdict import Verdicts

NONE = "none"


def differs(contrast: Contrast, place: Place, expansion: Expansion) -> tuple[Difference, ...]:
    """Returns what differs between the two arms of a contrast beyond what the place where it is shown asks.

    An interaction and a main effect compare more than two arms and have nothing to say here.
    """
    if place.kind in (Kind.INTERACTION, Kind.MAIN):
        return ()
    study = expansion.study
    return differences(
        expansion.arm(contrast.reference[0]).config,
        expansion.arm(contrast.arm).config,
        _asked(contrast, place, expansion),
        PROFILES.get(study.baseline.profile),
        study.budget_images,
    )


def with_differences(verdicts: Verdicts, expansion: Expansion) -> Verdicts:
    """Returns the verdicts with what else differs, as the question asks that shows them first."""
    told = tuple(
        replace(v, differs=tuple(map(str, differs(v.contrast, v.contrast.places[0], expansion))))
        for v in verdicts.verdicts
    )
    return replace(verdicts, verdicts=told)


def differing(expansion: Expansion) -> Mapping[str, tuple[str, ...]]:
    """Returns question -> a sentence for every comparison of it whose arms differ in more than what is asked.

    A step of a ladder is spoken of beside the step before it: what earlier steps brought along was said there.
    """
    found: dict[str, list[str]] = {view.name: [] for view in expansion.ablations}
    ladders = {view.name for view in expansion.ablations if view.action == "LADDER"}
    for contrast in contrasts(expansion):
        for place in contrast.places:
            if place.kind is Kind.ARM and place.question in ladders:
                continue
            if also := differs(contrast, place, expansion):
                found[place.question].append(_also(place, also, _reference(contrast, place, expansion)))
    return {question: tuple(sentences) for question, sentences in found.items()}


def tags(expansion: Expansion) -> Mapping[str, dict[str, str]]:
    """Returns arm -> the MLflow tag on what else differs between it and the baseline; ``none`` where nothing does."""
    said: dict[str, list[str]] = {arm.name: [] for arm in expansion.arms}
    for contrast in contrasts(expansion):
        for place in contrast.places:
            if place.kind is Kind.ARM and (also := differs(contrast, place, expansion)):
                said[contrast.arm].append(f"{place.question}: {listing(map(str, also))}")
    return {arm: {"also_differs": "; ".join(sentences) or NONE} for arm, sentences in said.items()}


def _also(place: Place, also: tuple[Difference, ...], reference: str) -> str:
    return (
        f"{place.label} differs from {reference} not only in what is asked: also in {listing(map(str, also))}. "
        "The comparison cannot tell these apart."
    )


def _reference(contrast: Contrast, place: Place, expansion: Expansion) -> str:
    if contrast.reference[0] == expansion.baseline.name:
        return "the baseline"
    return {Kind.CONTROL: "its control", Kind.BESIDE: "its reference"}.get(place.kind, "the step before")


def _asked(contrast: Contrast, place: Place, expansion: Expansion) -> Iterable[str]:
    """What a question asks about the two arms: axes, or dotted fields; of tuned arms also what was tuned."""
    view, tune = expansion.ablation(place.question), expansion.study.tune
    asked = _asked_by(view, contrast, place, expansion)
    return (*asked, *tune.values) if tune is not None and view.tuned_from else asked


def _asked_by(view: AblationView, contrast: Contrast, place: Place, expansion: Expansion) -> Iterable[str]:
    if view.action == "LADDER":
        at = [label for label, _ in view.arms].index(place.label)
        steps = expansion.study.ladder[at - 1 if place.kind is Kind.STEP else 0 : at]
        return [name for step in steps for name in step.set]
    if place.label in view.asks:
        return view.asks[place.label]
    if view.action == "PROPOSE":
        return expansion.arm(contrast.arm).delta
    if place.kind in (Kind.ARM, Kind.BESIDE) and is_control(view, place.label):
        return SHAPE_FIELDS
    return view.axis.split(", ")
