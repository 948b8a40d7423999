"""A set in braces, every item of which has to be a value: ``{ReLU, SiLU}``, ``activation ∈ {ReLU, SiLU}``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis
from search_spaces.plan_import.absence import Reading, is_nothing
from search_spaces.plan_import.written import in_set, split_items
from search_spaces.profiles import Profile
from search_spaces.words import words

_HELD = re.compile(
    r"^\W*?(?:[\w -]{1,30}?\s*(?:=|∈|:|\bin\b)\s*)?(?P<set>\{[^{}]+\})\s*(?P<unit>[A-Za-z][A-Za-z -]{0,30})?\W*$"
)
"""A set with or without a name before it, and a noun behind it."""


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
