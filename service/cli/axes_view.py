"""How the axes look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from service.analysis.axis_facts import describe, evaluates_only


def render_list(axes: Sequence[Axis], profile: Profile) -> Group:
    """Lays all axes out, group by group: what each is, its values, what REMOVE and ADD mean for it, and its source."""
    parts: list[RenderableType] = [_head(profile)]
    for group in (*GROUPS, *sorted({axis.group for axis in axes} - {*GROUPS})):
        members = [axis for axis in axes if axis.group == group]
        if not members:
            continue
        parts += [Text(), Rule(Text(group.capitalize(), style="bold"), align="left", characters="─")]
        for axis in members:
            rows = [
                ("values", _values(axis, profile)),
                ("REMOVE", axis.remove_means),
                ("ADD", axis.add_means),
                ("source", axis.citation),
            ]
            parts += [_title(axis), _table(rows)]
    parts += [
        Text(),
        Text("dit-ablate axes AXIS shows one with its aliases and the fields it sets."),
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
    """The values that a study tries which names none, and then those that it may name besides."""
    own, tried = axis.current(profile.config, profile), axis.values(profile)

    def listed(values: Iterable[Any]) -> str:
        return ", ".join(f"{axis.label(value)}*" if value == own else axis.label(value) for value in values)

    legal = axis.legal_values(profile) if isinstance(axis, ChoiceAxis) else tried
    besides = [value for value in legal if value not in tried]
    return listed(tried) + (f"; only where a study names it: {listed(besides)}" if besides else "")
