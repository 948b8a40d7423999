"""Several arms in one sentence, each in a run of its own: ``take the table out, and in another run make it learnable``.

What the first clause does names the part; every further clause names a value of it, or takes it away.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.written import Entry, clean

_RUN = r"(?:runs?|arms?|models?|variants?|trainings?|experiments?|configurations?|versions?|trials?)"
ANOTHER = re.compile(
    rf"\s*[,;]?\s*\b(?:(?:and|then|but|plus)\s+)+(?:also\s+)?(?:(?:in|for|as|train|run|try|do|have|with)\s+)?"
    rf"(?:another|a\s+(?:second|third|fourth|further|separate|different|new)|one\s+more|the\s+(?:other|next|second)|yet\s+another)"
    rf"\s+{_RUN}\b\s*,?\s*(?:(?:where|in\s+which)\s+(?:we\s+|you\s+)?)?",
    re.I,
)
"""What stands between an arm and the next one."""

_MAKES = re.compile(
    r"^(?:(?:by|with|for|to|into|as)\s+)+(?:an?\s+|the\s+)?|^(?:please\s+)?(?:make|have|turn|set|keep|leave|use|try|take|put|replace|swap|switch|change|convert|let|with)\s+"
    r"(?:(?:(?:it|them|this|that|these)\b|the\s+same\s+\w+)\s*)?"
    r"(?:(?:to|into|by|with|for|as|at|be|become|through)\s+)*(?:an?\s+|the\s+)?",
    re.I,
)
"""What leads to the value of a further arm: ``make it``, ``use``."""

_GOES = re.compile(
    r"^(?:please\s+)?(?:remove|drop|delete|omit|take|leave|cut|strip|discard|switch|turn)\s+(?:it|them|this|these)"
    r"(?:\s+(?:out|away|off|entirely|altogether|completely))*\W*$|^(?:without|no)\s+(?:it|them|any)\W*$",
    re.I,
)
"""What takes the part away in a further arm."""

_WHOLLY = re.compile(r"\s+(?:altogether|entirely|completely|fully|out|away)+\W*$", re.I)


def arms_apart(sentence: str, named: str, entries_of: Callable[[str], list[Entry]]) -> Entry | None:
    """The entry of a sentence that gives every arm a run of its own; None for any other sentence.

    Args:
        sentence: without what only leads to what is to be done.
        named: what the title calls the part, as it may stand in place of a pronoun.
        entries_of: takes a clause apart.
    """
    first, *others = (clean(piece) for piece in ANOTHER.split(sentence))
    if not others or not first or not all(others):
        return None
    found = entries_of(_WHOLLY.sub("", first))
    if len(found) != 1 or not found[0].parts:
        return None
    entry = found[0]
    actions = read_action(" ".join(entry.actions)).actions
    if actions == {"REMOVE"} and not entry.replacements:
        entry.replacements = ["none"]
    elif actions != {"REPLACE"} or not entry.replacements:
        return None
    entry.actions = ["REPLACE"]
    entry.parts = [_WHOLLY.sub("", text) for text in entry.parts]
    for text in others:
        text = re.sub(rf"\b{re.escape(named)}\b", "it", text) if named else text
        entry.replacements.append("none" if _GOES.match(text) else _MAKES.sub("", text, count=1).strip())
    return entry if all(entry.replacements) else None
