"""A value, and the same in other words: ``1.0, i.e. no guidance``, ``adaLN, that is without its gates``."""

from __future__ import annotations

import re
from collections.abc import Callable

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.absence import Reading
from search_spaces.plan_import.evidence import GENERAL, knows, others_named, terms_in
from search_spaces.plan_import.loose import foreign, mentioned, own_words
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.plan_import.value_words import own_values
from search_spaces.profiles import Profile

_SAME = re.compile(
    r"^(?P<head>[^;:()\[\]]+?)\s*[,;–—]?\s*[(\[]?\s*\b(?:i\.\s?e\.|that is(?: to say)?|in other words)[,:]?\s+"
    r"(?P<told>[^()\[\]]+?)\s*[)\]]?\s*$",
    re.I,
)


def in_other_words(
    text: str, axis: Axis, baseline: TrialConfig, profile: Profile, read: Callable[..., Reading]
) -> Reading | None:
    """Returns the value that a text says twice; None where the second half may say anything else.

    Args:
        text: what was written.
        axis: the axis whose value it is.
        baseline: the configuration that values must be possible with.
        profile: the baseline's profile.
        read: reads one half.
    """
    found = _SAME.match(text)
    if found is None:
        return None
    try:
        values, meaning = read(found["head"], axis, baseline, profile)
    except UserError:
        return None
    try:
        again = read(found["told"], axis, baseline, profile)[0]
    except UserError:
        return (values, meaning) if _describes(found["told"], values, axis, baseline, profile) else None
    return (values, meaning) if again == values else None


def _describes(text: str, values: tuple[object, ...], axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether words only tell what a value of a choice is: they name nothing else, and hold no number."""
    if not isinstance(axis, ChoiceAxis) or numbers_in(text) or foreign(text, places=True):
        return False
    named = {*mentioned(text, axis, profile)} - {*values, axis.current(baseline, profile)}
    own = own_words(axis)
    others = [other for other in others_named(text, axis, own_values(baseline, profile))
              if any(not {*term.stems} <= own for term in terms_in(text, other))]  # fmt: skip
    if named or others:
        return False
    known = own | STOP_STEMS | GENERAL | NEGATIONS | {"but"}
    return not any(knows(word) and len(word) > 1 for word in stems(text) if word not in known)
