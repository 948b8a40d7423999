"""What says that there is more to a list than it names, or that nobody knows it yet: ``4, 8, ...``, ``?``, ``etc.``."""

from __future__ import annotations

import re

_DOTS = re.compile(r"\.{3,}(?=[\s`*\"“”'‘’.;,)\]]*$)")

_ALONE = re.compile(r"[\s?？….*_(){}\[\]<>!]*(?:[?？…]|\.{2,})[\s?？….*_(){}\[\]<>!]*")
"""Marks for what is not said, and nothing else."""

_MORE = re.compile(
    r"\b(?:etc|et cetera|usw|u\.s\.w|and so (?:on|forth)"
    r"|and (?:some |many |a few )?others?|(?<!less )(?<!fewer )and (?:some |many |a few )?more"
    r"|or (?:so|similar)|and the like|or the like|to be (?:decided|determined|chosen|confirmed|announced)|tbd|tba|tbc"
    r"|not (?:yet )?(?:decided|known|sure)|undecided)\b[\s.)\]?!]*$",
    re.I,
)
"""How a list ends that names only some of what is meant."""

_DOUBTS = re.compile(r"[?？…][\s.)\]?!]*$")
"""How an item ends of which nobody is sure."""


_DOT = r"(?:…|\.{3,}|\[\s*(?:…|\.{3,})\s*\])"
_SKIPS = re.compile(rf"(?:^|[,;/|({{]|\b(?:and|or|to)\b)\s*{_DOT}|{_DOT}\s*(?:[,;/|)}}]|\b(?:and|or)\b|$)", re.I)
"""An ellipsis in the place of an item; one between two numbers alone makes a range of them: ``4 ... 8``."""

_FORMULA = re.compile(r"[{\[(]\s*\d\s*,\s*(?:…|\.{3})\s*,\s*[A-Z]\s*(?:[-–−]\s*1\s*)?[)\]}]")
"""A set of numbers up to one that has a symbol: ``{1, ..., T}``."""


def with_ellipsis(text: str) -> str:
    """Returns a text whose dots at the end are one sign, which is not taken off with a full stop."""
    return _DOTS.sub("…", text)


def is_open(text: str) -> bool:
    """Whether a text is only a mark for what is not said: ``...``, ``?``, ``(?)``."""
    return _ALONE.fullmatch(text) is not None


def leaves_open(text: str) -> bool:
    """Whether an item is such a mark, ends in one, or lists only some: ``8?``, ``mlp and others``, ``2, ..., 8``."""
    return is_open(text) or _DOUBTS.search(text) is not None or lists_some(text)


def lists_some(text: str) -> bool:
    """Whether a text says that there is more to a list, or has an ellipsis in the place of items."""
    return _MORE.search(text) is not None or _SKIPS.search(_FORMULA.sub(" ", text)) is not None
