"""Axes that exist only where another axis has some value: elsewhere the baseline's value stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dit_core.errors import UserError, unknown
from search_spaces.arms import Arms
from search_spaces.axes import find_axis
from search_spaces.designs.columns import Column, Point

Conditions = Mapping[str, Mapping[str, frozenset[Any]]]
"""Axis -> the axes it depends on, each with the values at which it exists."""


def conditions(when: Mapping[str, Mapping[str, Sequence[Any]]], found: Sequence[Column], arms: Arms) -> Conditions:
    """Reads under which conditions axes exist.

    Raises:
        UserError: an axis that the design does not have, an axis under a condition on itself, or a value that its
            parent never takes.
    """
    by_name = {column.axis.name: column for column in found}
    read: dict[str, dict[str, frozenset[Any]]] = {}
    for child, parents in when.items():
        own = find_axis(child, "when").name
        if own not in by_name:
            raise unknown("when", child, list(by_name))
        read[own] = {}
        for parent, values in parents.items():
            name = find_axis(parent, f"when.{child}").name
            if name not in by_name:
                raise unknown(f"when.{child}", parent, list(by_name))
            column = by_name[name]
            parsed = [column.axis.parse(value, arms.profile) for value in values]
            for value in parsed:
                if value not in column.values:
                    taken = ", ".join(map(column.axis.label, column.values))
                    raise UserError(
                        f"when.{child}: {name} never is {column.axis.label(value)}; its values here are {taken}"
                    )
            read[own][name] = frozenset(parsed)
    for name in read:
        _refuse_circle(name, read)
    return read


def reduced(found: Conditions) -> Callable[[Point], Point]:
    """Returns what takes the axes out of a point that do not exist there."""

    def exists(name: str, point: Point) -> bool:
        return all(exists(parent, point) and point[parent] in values for parent, values in found.get(name, {}).items())

    return lambda point: {name: value for name, value in point.items() if exists(name, point)}


def words(found: Conditions, columns: Sequence[Column]) -> tuple[str, ...]:
    """Returns a sentence per conditional axis."""
    axes = {column.axis.name: column.axis for column in columns}
    said = []
    for name, parents in found.items():
        where = " and ".join(
            f"{parent} is {' or '.join(axes[parent].label(value) for value in sorted(values, key=str))}"
            for parent, values in parents.items()
        )
        said.append(f"{name} is varied only where {where}; elsewhere it is the baseline's")
    return tuple(said)


def _refuse_circle(name: str, found: Mapping[str, Mapping[str, Any]], above: tuple[str, ...] = ()) -> None:
    if name in above:
        raise UserError(f"when: {name} would exist only under a condition on itself")
    for parent in found.get(name, {}):
        _refuse_circle(parent, found, (*above, name))
