"""Entries of two arms, one with something and one without: ``With: 4 register tokens``, ``Without: image tokens only``.

The title says what it is. The arm that is said to be the paper's or the baseline's own is there already, so that the
other one is tried: with the thing is ADD, without it is REPLACE by what is left.
"""

from __future__ import annotations

import re

from search_spaces.plan_import.labels import REMARK
from search_spaces.plan_import.written import Entry, WrittenPlan
from search_spaces.words import words

_THERE = frozenset(map(words, ("with", "on", "enabled", "present", "with it", "arm with", "switched on")))
_GONE = frozenset(
    map(words, ("without", "off", "disabled", "absent", "without it", "arm without", "switched off", "w/o"))
)
_OWN = re.compile(
    r"\s*[(\[]\s*(?:(?:as\s+)?(?:in|of|from)\s+|(?:this|that)\s+is\s+|=\s*|our\s+|the\s+)*"
    r"(?:paper|baseline|default|published|original|reference|control|current|status quo|standard)"
    r"(?:[’']?s)?(?:\s+(?:model|recipe|setting|configuration|setup|dit|value|choice|one|paper))?\s*[)\]]"
    r"|,\s*(?:(?:as in|which is)\s+)?the\s+(?:paper|baseline)(?:[’']s)?(?:\s+own)?\s*$",
    re.I,
)
"""What says that an arm is the baseline's own."""


def place_own_arms(plan: WrittenPlan) -> None:
    """Takes the arms of every entry of two, with and without, for what is tried and what is there."""
    for entry in plan.entries:
        if not entry.actions and (entry.title or entry.parts):
            _place(entry)


def _place(entry: Entry) -> None:
    gone = [(label, text) for label, text in entry.unknown if words(label) in _GONE]
    there = [(label, text) for label, text in entry.unknown if words(label) in _THERE]
    if len(gone) != 1 or len(there) + bool(entry.replacements) != 1:
        return
    for pair in (*gone, *there):
        entry.unknown.remove(pair)
    with_it = there[0][1] if there else ", ".join(entry.replacements)
    without_it = gone[0][1]
    entry.continued.clear()
    own = [_OWN.search(text) is not None for text in (with_it, without_it)]
    if own == [True, False]:
        entry.remarks.append((REMARK, with_it))
        entry.replacements = [without_it]
    elif own == [False, True]:
        entry.remarks.append((REMARK, without_it))
        entry.actions, entry.replacements = ["ADD"], [with_it]
    else:
        entry.replacements = [with_it, without_it]
