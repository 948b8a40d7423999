"""Lists of seeds as people write them: a number alone may mean so many seeds, or the one of that number."""

from __future__ import annotations

from typing import Any

from dit_core.errors import UserError
from search_spaces.written_values import not_endless


def as_seeds(value: Any, field: str, first: int = 0) -> Any:
    """Returns what was given for a list of seeds, to be checked one by one.

    Args:
        value: what was given.
        field: the field; opens the error.
        first: the first seed of the examples.

    Raises:
        UserError: a number alone, or more seeds than anybody means.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        several = f"{so_many(value, ', ', first, '[{}]')}, or " if value > 0 else ""
        raise UserError(f"{field}: {value} given; write {several}[{value}] for seed number {value}")
    return not_endless(value, field)


def so_many(number: int, comma: str, first: int = 0, form: str = "{}") -> str:
    """Says how so many seeds are written.

    Args:
        number: how many, one at least.
        comma: what stands between two.
        first: the first of them.
        form: what stands around them.
    """
    seeds = list(map(str, range(first, first + min(number, 6))))
    if number > 5:
        seeds[2:] = ["...", str(first + number - 1)]
    return f"{form.format(comma.join(seeds))} for {number:,} {'seed' if number == 1 else 'seeds'}"
