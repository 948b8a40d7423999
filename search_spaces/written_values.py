"""Lists, and axes with their values, as people write them in a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from dit_core.errors import UserError

MOST_LISTED = 1_000
"""More seeds, rungs, questions or steps than that are a slip of the keyboard."""


def repeated(items: Iterable[Any]) -> list[Any]:
    """Returns what is there more than once."""
    return [item for item, times in Counter(items).items() if times > 1]


def not_endless(value: Any, field: str) -> Any:
    """Returns what was given for a list, to be checked item by item.

    Raises:
        UserError: it has more items than anybody means.
    """
    if isinstance(value, list | tuple | range) and len(value) > MOST_LISTED:
        raise UserError(f"{field}: {len(value):,} given; allowed: at most {MOST_LISTED:,}")
    return value


def as_values(value: Any, where: str) -> Any:
    """Reads one value as a list of one, and refuses what is no value at all."""
    if isinstance(value, str | int | float):
        return (value,)
    if isinstance(value, list | tuple):
        for item in value:
            if not isinstance(item, str | int | float):
                raise UserError(f"{where}: {item!r} is not a value; a list of names or numbers is wanted")
        if twice := repeated(value):
            raise UserError(f"{where}: {twice[0]!r} repeats; every value may appear once")
    return value


def as_grid(value: Any, where: str = "grid") -> Any:
    """Reads axes with their values, each one value or a list."""
    if not isinstance(value, dict):
        raise UserError(f"{where}: {value!r} is not axes with values; write e.g. {{patch_size: [2, 4]}}")
    return {key: as_values(item, str(key)) for key, item in value.items()}


def as_conditions(value: Any) -> Any:
    """Reads axes with the conditions under which they are varied."""
    if not isinstance(value, dict) or not all(isinstance(item, dict) and item for item in value.values()):
        raise UserError(
            f"when: {value!r:.60} is not axes with conditions; write e.g. {{noise_schedule: {{objective: v}}}}"
        )
    return {key: as_grid(item, f"when.{key}") for key, item in value.items()}
