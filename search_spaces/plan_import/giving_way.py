"""A change told as a sentence from the baseline's own value on: ``p = 2 gives way to p = 4 and to p = 8``."""

from __future__ import annotations

import re
from collections.abc import Callable

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis
from search_spaces.plan_import.absence import Reading
from search_spaces.plan_import.stems import NEGATIONS, stems
from search_spaces.profiles import Profile

_VERB = re.compile(
    r"\s(?:(?:gives?|makes?)\s+(?:way|room|place)\s+(?:to|for)|becomes?|turns\s+into|yields\s+to"
    r"|(?:is|are|gets?)\s+(?:replaced|swapped|exchanged|traded|substituted|changed|switched)\s+(?:by|with|for|to|into))"
    r"\s+(?:first\s+)?",
    re.I,
)


def comes_instead(
    text: str, axis: Axis, baseline: TrialConfig, profile: Profile, read: Callable[..., Reading]
) -> Reading | None:
    """Returns what takes the place of the baseline's own value; None where a text does not tell of just that.

    Args:
        text: the sentence.
        axis: the axis.
        baseline: whose value has to be what goes.
        profile: the baseline's profile.
        read: reads the two sides of the verb.

    Raises:
        UserError: the baseline's own value goes, and what comes is not understood.
    """
    sides = _VERB.split(text.strip())
    if len(sides) != 2 or not all(sides) or NEGATIONS & set(stems(sides[0])):
        return None
    own = axis.current(baseline, profile)
    try:
        old = read(sides[0], axis, baseline, profile)[0]
    except UserError:
        return None
    if old != (own,):
        return None
    values, meaning = read(sides[1], axis, baseline, profile)  # what it says of the baseline's own is no value
    return (values, meaning) if own not in values else None
