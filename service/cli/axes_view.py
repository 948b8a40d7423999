"""How the axes look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from search_spaces.axes import Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.profiles import Profile


def describe(axis: Axis, profile: Profile) -> dict[str, Any]:
    """Returns an axis as plain JSON data."""
    aliases = dict(axis.value_aliases) if isinstance(axis, ChoiceAxis) else {}
    return {
        "name": axis.name,
        "title": axis.title,
        "description": axis.description,
        "fields": list(axis.fields),
        "baseline": axis.current(profile.config, profile),
        "values": [axis.label(value) for value in axis.values(profile)],
        "values_when_named": [axis.label(value) for value in _not_tried(axis, profile)],
        "aliases": list(axis.aliases),
        "value_aliases": {value: list(names) for value, names in aliases.items()},
        "remove": axis.remove_means,
        "add": axis.add_means,
        "citation": axis.citation,
    }


def render(axes: Sequence[Axis], profile: Profile) -> Group:
    """Lays the axes out, one block each."""
    parts: list[RenderableType] = [
        Text(f"Values for the profile {profile.name}: {profile.description}. * marks its baseline.", style="dim")
    ]
    for axis in axes:
        data = describe(axis, profile)
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for label, text in _rows(axis, data, profile):
            if text:
                table.add_row(label, Text(text))
        head = Text.assemble((axis.name, "bold cyan"), f"  {axis.description}")
        parts += [Text(), head, Padding(table, (0, 0, 0, 2))]
    return Group(*parts)


def _not_tried(axis: Axis, profile: Profile) -> list[Any]:
    """Returns the values that a study may name and that are not tried when it names none."""
    legal = axis.legal_values(profile) if isinstance(axis, ChoiceAxis) else ()
    return [value for value in legal if value not in axis.values(profile)]


def _rows(axis: Axis, data: dict[str, Any], profile: Profile) -> list[tuple[str, str]]:
    own = axis.current(profile.config, profile)
    values = ", ".join(f"{axis.label(value)}*" if value == own else axis.label(value) for value in axis.values(profile))
    spelled = "; ".join(f"{value}: {', '.join(names)}" for value, names in data["value_aliases"].items() if names)
    return [
        ("values", values),
        ("when named", ", ".join(data["values_when_named"])),
        ("sets", ", ".join(axis.fields)),
        ("REMOVE", axis.remove_means),
        ("ADD", axis.add_means),
        ("also called", ", ".join(axis.aliases)),
        ("value aliases", spelled),
        ("source", axis.citation),
    ]
