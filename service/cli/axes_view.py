"""How the axes look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from search_spaces.axes import Axis
from search_spaces.axes.base import GROUPS
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.profiles import Profile


def describe(axis: Axis, profile: Profile) -> dict[str, Any]:
    """Returns an axis as plain JSON data."""
    aliases = dict(axis.value_aliases) if isinstance(axis, ChoiceAxis) else {}
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
        "add": axis.add_means,
        "citation": axis.citation,
    }


def evaluates_only(axis: Axis) -> bool:
    """Whether the axis changes nothing that training sees; averages of the weights are kept beside it."""
    return all(field.startswith("evaluation.") or field == "training.ema_decays" for field in axis.fields)


def render_list(axes: Sequence[Axis], profile: Profile) -> Group:
    """Lays all axes out, group by group: what each is, its values and its source."""
    parts: list[RenderableType] = [_head(profile)]
    for group in (*GROUPS, *sorted({axis.group for axis in axes} - {*GROUPS})):
        members = [axis for axis in axes if axis.group == group]
        if not members:
            continue
        parts += [Text(), Rule(Text(group.capitalize(), style="bold"), align="left", characters="─")]
        for axis in members:
            parts += [_title(axis), _table([("values", _values(axis, profile)), ("source", axis.citation)])]
    parts += [
        Text(),
        Text("dit-ablate axes AXIS shows one with its aliases, the fields it sets, and what REMOVE and ADD mean."),
    ]
    return Group(*parts)


def render(axis: Axis, profile: Profile) -> Group:
    """Lays one axis out with everything that is known about it."""
    data = describe(axis, profile)
    spelled = "; ".join(f"{value}: {', '.join(names)}" for value, names in data["value_aliases"].items() if names)
    rows = [
        ("values", _values(axis, profile)),
        ("sets", ", ".join(axis.fields)),
        ("REMOVE", axis.remove_means),
        ("ADD", axis.add_means),
        ("also called", ", ".join(axis.aliases)),
        ("value aliases", spelled),
        ("group", axis.group),
        ("source", axis.citation),
    ]
    return Group(_head(profile), Text(), _title(axis), _table(rows))


def _head(profile: Profile) -> Text:
    return Text(f"Values for the profile {profile.name}: {profile.description}. * marks its baseline.", style="dim")


def _title(axis: Axis) -> Text:
    head = Text.assemble((axis.name, "bold cyan"), f"  {axis.description}")
    return head.append("  [evaluates only]", style="dim") if evaluates_only(axis) else head


def _table(rows: Sequence[tuple[str, str]]) -> Padding:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        if text:
            table.add_row(label, Text(text))
    return Padding(table, (0, 0, 0, 2))


def _values(axis: Axis, profile: Profile) -> str:
    own = axis.current(profile.config, profile)
    return ", ".join(f"{axis.label(value)}*" if value == own else axis.label(value) for value in axis.values(profile))
