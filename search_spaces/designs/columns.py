"""The axes of a design with their values, as columns that are combined in one way or another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.arms import Arms
from search_spaces.axes import Axis, find_axis


@dataclass(frozen=True)
class Column:
    """One axis of a design.

    Attributes:
        axis: the axis.
        values: its values, parsed and distinct, in the order in which they were written.
    """

    axis: Axis
    values: tuple[Any, ...]


Point = Mapping[str, Any]
"""Axis name -> value. An axis that does not exist at the point is not in it."""


def columns(given: Mapping[str, Sequence[Any]], arms: Arms, where: str) -> tuple[Column, ...]:
    """Reads axes with their values.

    Args:
        given: axis name or alias -> values, as written.
        arms: the arms found so far; say which profile there is.
        where: opens every error.

    Raises:
        UserError: an unknown axis or value, no values, or two axes that set one field.
    """
    found: list[Column] = []
    setter: dict[str, str] = {}
    for key, values in given.items():
        axis = find_axis(key, where)
        for taken in axis.fields:
            if taken in setter:
                raise UserError(f"{where}: {setter[taken]!r} and {key!r} both set {taken}; keep one of them")
            setter[taken] = key
        if not values:
            tried = ", ".join(map(axis.label, axis.values(arms.profile)))
            raise UserError(f"{where}.{key}: empty; give values, e.g. [{tried}]")
        try:
            parsed = tuple(dict.fromkeys(axis.parse(value, arms.profile) for value in values))
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        found.append(Column(axis, parsed))
    return tuple(found)


def settings_of(axes: Iterable[Axis], point: Point, arms: Arms, config: TrialConfig) -> dict[str, Any]:
    """Returns dotted field -> value of a point, on top of ``config``; what it has already is not set."""
    settings: dict[str, Any] = {}
    for axis in axes:
        if axis.name in point and point[axis.name] != axis.current(config, arms.profile):
            settings |= axis.settings(point[axis.name], arms.profile, config)
    return settings


def label_of(axes: Iterable[Axis], point: Point) -> str:
    """Returns a point as tables show it, e.g. ``patch_size=4,block=adaln``."""
    return ",".join(f"{axis.name}={axis.label(point[axis.name])}" for axis in axes if axis.name in point)
