"""Two values of one axis at once: ``RoPE on top of the sin-cos table``, ``sin-cos kept, and RoPE added``.

They are one arm. Where the axis has a value that is both, it is that one; else there is no such arm, and neither of
the two is tried in its place.
"""

from __future__ import annotations

import re

from dit_core.errors import UserError
from search_spaces.axes import AXES
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.loose import mentioned
from search_spaces.profiles import Profile

_BOTH = re.compile(
    r"\b(?:on top of|in addition to|along ?side(?: of)?|together with|combined with|as an addition to|atop|besides"
    r"|next to|(?:while|and)\s+(?:still\s+)?(?:keeping|retaining)|plus)\b"
    r"|\b(?:kept|keep|stays?|retained|remains?)\b.*\badded\b|\badded\b.*\b(?:kept|keep|stays?|retained|remains?)\b|\s\+\s",
    re.I,
)


_COMPARED = re.compile(r"\s+(?:the\s+)?(?:default|baseline|current|existing|original)\b", re.I)
"""What a value is compared with, and not put together with: ``next to the default``."""


def both_of(text: str, axis: ChoiceAxis, profile: Profile) -> str | None:
    """Returns the value that is two of an axis's at once; None where a text does not put two of them together.

    Raises:
        UserError: it does, and there is no such value.
    """
    joins = _BOTH.search(text)
    if joins is None or _COMPARED.match(text, joins.end()):
        return None
    named = [value for value in mentioned(text, axis, profile) if isinstance(value, str)]
    single = [value for value in named if "-plus-" not in value]
    if len(single) != 2:
        return None
    for one, other in (single, single[::-1]):
        if f"{one}-plus-{other}" in axis.legal():
            return f"{one}-plus-{other}"
    raise UserError(f"{axis.name}: {single[0]} and {single[1]} at once is none of its values; it would be one arm")


def no_such_pair(texts: list[str], name: str, profile: Profile) -> bool:
    """Whether one of the texts puts two values of an axis together that it cannot have at once."""
    axis = AXES.get(name)
    try:
        return any(isinstance(axis, ChoiceAxis) and both_of(text, axis, profile) == "" for text in texts)
    except UserError:
        return True
