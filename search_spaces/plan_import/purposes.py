"""What an ablation is good for, under a label that may name an axis as well: ``Objective: To determine how ...``.

A label such as ``Objective`` or ``Focus`` holds a purpose or what is varied, and only its text tells which.
"""

from __future__ import annotations

import re

from search_spaces.axes import axis_called
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.loose import mentioned
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.stems import stems
from search_spaces.plan_import.telling import is_why
from search_spaces.profiles import PROFILES

_LABELS = frozenset(stems("objective focus goal aim purpose intent intention question motivation hypothesis outcome"))

_STUDIES = (
    r"(?:determin|assess|evaluat|examin|quantif|measur|understand|stud(?:y|ies)|investigat|test|verif|validat|compar|"
    r"isolat|find|see\b|seeing\b|establish|explor|prob(?:e|ing)\b|show|demonstrat|confirm|learn\b|learning\b|identif|"
    r"analy[sz]|clarif|disentangl|check|gaug|characteri[sz]|explain|reveal|judg|inspect|ascertain|decid|know|discover|"
    r"separat|justif|pin\b|answer|ask|observ|illustrat|uncover|tell|rul(?:e|ing)\b|contrast|benchmark|trac(?:e|ing)\b|"
    r"look)\w*"
)
_ASKED = r"(?:whether|if|how|why|what|which|where|when|to what (?:extent|degree)|that)\b"
_MATTER = (
    r"(?:effect|impact|influence|role|importance|contribution|need|necessity|benefit|value|usefulness|claim|cost|"
    r"sensitivity|relevance|trade-?offs?|relation\w*|interplay|interaction|extent|degree|gain|advantage|limit)s?\b"
)
_OPENS = r"^\W*(?:(?:to|we|i|this|it)\s+)?(?:(?:better|also|want to|aims? to|seeks? to|directly|empirically)\s+)*"
_PLAIN = re.compile(
    rf"{_OPENS}{_STUDIES}\s+(?:[\w-]+\s+){{0,4}}?(?:{_ASKED}|{_MATTER})"
    rf"|^\W*(?:{_ASKED}|(?:the\s+)?(?:[\w-]+\s+)?{_MATTER}\s+of\b)",
    re.I,
)
"""A purpose whatever it names: ``To quantify the contribution of``, ``whether``, ``the role of``."""

_VAGUE = re.compile(rf"{_OPENS}{_STUDIES}\s+\w", re.I)
"""A purpose as long as it names nothing to try: ``Determine the best way to condition``."""


def may_tell_purpose(label: str) -> bool:
    """Whether a label may hold what an ablation is good for."""
    return bool(_LABELS & {*stems(label)})


def is_purpose(label: str, text: str) -> bool:
    """Whether a text under such a label tells what an ablation is good for, and nothing to try.

    Args:
        label: under which it stands; where it names an axis, the text may be a value of it.
        text: what stands there.
    """
    if not may_tell_purpose(label) or len(text.split()) < 3:
        return False
    axis = axis_called(label)
    named = isinstance(axis, ChoiceAxis) and bool(mentioned(text, axis, PROFILES.get("paper")))
    if _PLAIN.match(text) and not (numbers_in(text) and axes_named(text)):
        return not (named and re.match(rf"\W*{_ASKED}", text, re.I))  # "what is predicted: x0 or v"
    if named or numbers_in(text):
        return False
    if _VAGUE.match(text) or is_why(text):
        return True
    heard = [score for score in evidence([("", text, 1.0)]) if axis is not None and score.candidate.axis is axis]
    return axis is not None and len(text.split()) > 6 and not any(score.text >= 1.0 for score in heard)
