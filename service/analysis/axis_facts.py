"""An axis as plain data: what scripts and agents are told of it, and what the terminal lays out."""

from __future__ import annotations

from typing import Any

from search_spaces.axes import Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.axes.switch import BoolAxis
from search_spaces.profiles import Profile


def describe(axis: Axis, profile: Profile) -> dict[str, Any]:
    """Returns an axis as plain JSON data."""
    aliases: dict[str, tuple[str, ...]] = {}
    if isinstance(axis, ChoiceAxis | BoolAxis):
        aliases = {axis.label(value): names for value, names in axis.value_aliases.items()}
    return {
        "name": axis.name,
        "title": axis.title,
        "group": axis.group,
        "description": axis.description,
        "fields": list(axis.fields),
        "baseline": axis.current(profile.config, profile),
        "values": [axis.label(value) for value in axis.values(profile)],
        "evaluates_only": evaluates_only(axis),
        "aliases": list(axis.aliases),
        "value_aliases": {value: list(names) for value, names in aliases.items()},
        "remove": axis.remove_means,
        "remove_value": _shown(axis, axis.remove_value),
        "add": axis.add_means,
        "add_values": [axis.label(value) for value in axis.add_values],
        "legal_values": legal(axis, profile),
        "units": list(axis.units) if isinstance(axis, NumberAxis) else [],
        "vocabulary": list(axis.vocabulary),
        "unlike": list(axis.unlike),
        "citation": axis.citation,
    }


def _shown(axis: Axis, value: Any) -> str | None:
    return None if value is None else axis.label(value)


def legal(axis: Axis, profile: Profile) -> list[str] | None:
    """Every value that may be written; None for numbers, of which there are too many."""
    if isinstance(axis, ChoiceAxis):
        return [str(value) for value in axis.legal_values(profile)]
    return [axis.label(value) for value in axis.values(profile)] if isinstance(axis, BoolAxis) else None


def evaluates_only(axis: Axis) -> bool:
    """Whether the axis changes nothing that training sees; averages of the weights are kept beside it."""
    kept = {"training.ema_decays", "training.ema_lengths"}
    return all(field.startswith("evaluation.") or field in kept for field in axis.fields)
