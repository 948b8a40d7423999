"""The page of all axes, from the registry."""

from __future__ import annotations

from search_spaces.axes import all_axes
from search_spaces.axes.base import GROUPS, Axis
from search_spaces.profiles import PROFILES, Profile
from service.cli.axes_view import describe, evaluates_only

HEAD = """# Axes

Everything that can be varied, as it is registered: {count} axes. `dit-ablate axes` prints the same list, and
`dit-ablate axes AXIS` adds how else an axis and its values may be written. An axis without values in a study file tries
the values shown here; the baseline's own is in bold. The two profiles are explained in [Study files](study-files.md).

"""


def axes_page() -> str:
    """Returns the page as Markdown, group by group, each axis with its values and its source."""
    axes = all_axes()
    parts = [HEAD.format(count=len(axes))]
    for group in GROUPS:
        parts.append(f"## {group.capitalize()}\n\n")
        parts += [_axis(axis) for axis in axes if axis.group == group]
    return "".join(parts)


def _axis(axis: Axis) -> str:
    profiles = [PROFILES.get(name) for name in PROFILES]
    rows = [(f"values, profile `{profile.name}`", _values(axis, profile)) for profile in profiles]
    if len({values for _, values in rows}) == 1:
        rows = [("values", rows[0][1])]
    rows += [
        ("sets", ", ".join(f"`{field}`" for field in axis.fields)),
        ("`REMOVE`", axis.remove_means),
        ("`ADD`", axis.add_means),
        ("source", axis.citation),
    ]
    table = "".join(f"| {label} | {_cell(text)} |\n" for label, text in rows if text)
    only = " Only evaluation changes: the arms share one training." if evaluates_only(axis) else ""
    return f"### `{axis.name}`\n\n{axis.description}{only}\n\n| {axis.title} | |\n|---|---|\n{table}\n"


def _values(axis: Axis, profile: Profile) -> str:
    shown = describe(axis, profile)
    own = axis.current(profile.config, profile)
    baseline = None if own is None else axis.label(own)

    def listed(values: list[str]) -> str:
        return ", ".join(f"**{value}**" if value == baseline else value for value in values)

    besides = [value for value in shown["legal_values"] or () if value not in shown["values"]]
    return listed(shown["values"]) + (f"; only where a study names it: {listed(besides)}" if besides else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
