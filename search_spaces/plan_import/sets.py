"""Sets in braces, every item of which has to be a value: ``{ReLU, SiLU}``, ``heads {4, 8} × depth {14, 28}``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import AXES, Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.absence import Reading, is_nothing
from search_spaces.plan_import.evidence import spelled
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.loose import foreign, own_words
from search_spaces.plan_import.rider_numbers import SYMBOLS
from search_spaces.plan_import.stems import STOP_STEMS, stems
from search_spaces.plan_import.written import in_set, split_items
from search_spaces.profiles import Profile
from search_spaces.words import words

_HELD = re.compile(
    r"^\W*?(?:[\w -]{1,30}?\s*(?:=|∈|:|\bin\b)\s*)?(?P<set>\{[^{}]+\})\s*(?P<unit>[A-Za-z][A-Za-z -]{0,30})?\W*$"
)
"""A set with or without a name before it, and a noun behind it."""


_INSIDE = re.compile(
    r"[\[{]([^\[\]{}]*,[^\[\]{}]*)(?:[\]}]|$)|^\W*(?:(?:it|them|by|with|for|to)\s+)+\(([^()]*,[^()]*)(?:\)|$)", re.I
)
"""What stands in the brackets of a set, wherever that is in a text; an action may have lost its last bracket."""


def _outright(item: str, axis: ChoiceAxis, profile: Profile) -> bool:
    try:
        axis.parse(item, profile)
    except UserError:
        return bool(is_nothing(item))
    return True


def of_a_set(
    text: str, axis: Axis, baseline: TrialConfig, profile: Profile, read: Callable[..., Reading]
) -> Reading | None:
    """Returns the values of a set; None where a text is none.

    Args:
        text: what was written.
        axis: the axis whose values they are.
        baseline: the configuration that values must be possible with.
        profile: the baseline's profile.
        read: reads one item.

    Raises:
        UserError: one of the items is no value, so that it is not passed over beside the others.
    """
    if isinstance(axis, ChoiceAxis) and (inside := _INSIDE.search(text)) is not None:
        known = [_outright(item, axis, profile) for item in split_items(next(filter(None, inside.groups())))]
        if any(known) and not all(known):
            raise UserError(
                f"{axis.name}: {text!r} holds what is none of its values; allowed: {', '.join(axis.legal())}"
            )
    held = _HELD.match(text)
    items = split_items(in_set(held["set"])) if held is not None else []
    if held is None or len(items) < 2:
        return None
    values: list[Any] = []
    for item in items:
        if is_nothing(item) and words(item) and axis.remove_value is not None:
            values.append(axis.remove_value)
            continue
        try:
            values += read(item, axis, baseline, profile)[0]
        except UserError:
            if not held["unit"]:
                raise
            values += read(f"{item} {held['unit']}", axis, baseline, profile)[0]
    distinct = tuple(dict.fromkeys(values))
    return distinct, f"several values: {', '.join(map(axis.label, distinct))}"


_NAMED_SETS = re.compile(
    r"\s*(?:[×;,|*]|\bx\b|\band\b|\bby\b|\bwith\b)?\s*(?P<name>[^{}×;,|*]*?)\s*(?:=|∈|:|\bin\b)?\s*\{(?P<items>[^{}]+)\}"
)
"""The sets of a grid, each with what stands before it."""


def sets_of(
    texts: Sequence[str], named: Sequence[str], baseline: TrialConfig, profile: Profile, read: Callable[..., Reading]
) -> dict[str, tuple[Any, ...]]:
    """Returns the values of every named axis where a text holds a set for each: ``scale {1.25, 4} × p {0.1, 0.2}``.

    What stands before a set says whose it is. Where it says nothing, the sets stand in the order of the axes.

    Args:
        texts: what is tried.
        named: the axes of the grid, in the order in which the part names them.
        baseline: the configuration that values must be possible with.
        profile: the baseline's profile.
        read: reads one item.
    """
    text = " × ".join(texts)
    found = list(_NAMED_SETS.finditer(text))
    if len(found) != len(named) or len(named) < 2 or _NAMED_SETS.sub("", text).strip(" .,;×"):
        return {}
    heads = [at["name"].strip() for at in found]
    rows = [_rows(split_items(at["items"]), named, baseline, profile, read) for at in found]
    fits = [
        order
        for order in permutations(named)
        if all(name in row and _may_call(head, name, named) for head, name, row in zip(heads, order, rows, strict=True))
    ]
    said = [order for order in fits if all(_calls(head, name) for head, name in zip(heads, order, strict=True))]
    silent = not any(_calls(head, name) for head in heads for name in named)
    chosen = said if len(said) == 1 else fits
    if len(chosen) != 1 and tuple(named) in chosen and (silent or said):
        chosen = [tuple(named)]
    if len(chosen) != 1:
        return {}
    return {name: rows[chosen[0].index(name)][name] for name in named}


def _rows(
    items: list[str], named: Sequence[str], baseline: TrialConfig, profile: Profile, read: Callable[..., Reading]
) -> dict[str, tuple[Any, ...]]:
    """Axis -> the values of a set on it, for each axis that has all of them."""
    rows: dict[str, tuple[Any, ...]] = {}
    for name in named:
        try:
            values = [value for item in items for value in read(item, AXES.get(name), baseline, profile)[0]]
        except UserError:
            continue
        rows[name] = tuple(dict.fromkeys(values))
    return rows


def _words(head: str) -> list[str]:
    return [word for word in stems(spelled(head.replace("_", " "))) if word not in STOP_STEMS]


def _calls(head: str, name: str) -> bool:
    """Whether the words before a set are an axis's own: its name, a symbol of the paper, or words of its terms."""
    said = _words(head)
    symbols = [SYMBOLS[said[0]]] if len(said) == 1 and said[0] in SYMBOLS else []
    if not said or symbols:
        return name in symbols
    axis = AXES.get(name)
    units = {word for unit in getattr(axis, "units", ()) for word in stems(unit)}
    return all(len(word) == 1 or word in own_words(axis) or word in units for word in said)


def _may_call(head: str, name: str, named: Sequence[str]) -> bool:
    """Whether the words before a set do not speak of anything else than an axis."""
    if foreign(head) or (_words(head) and not any(_calls(head, other) for other in named) and _strange(head)):
        return False
    told = axes_named(head)
    return not told or name in told or _calls(head, name)


def _strange(head: str) -> bool:
    """Whether words before a set may be of an axis that is not named: no symbol, and none of one letter."""
    return any(len(word) > 1 for word in _words(head))
