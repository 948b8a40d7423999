"""What a text says not to be there, or to be there after all: ``none``, ``no EMA``, ``sampling without guidance``."""

from __future__ import annotations

import re
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.axes import Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.actions import is_verb
from search_spaces.plan_import.evidence import GENERAL
from search_spaces.plan_import.left_open import leaves_open
from search_spaces.plan_import.loose import mentioned, own_words
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.profiles import Profile
from search_spaces.words import Words, words

Reading = tuple[tuple[Any, ...], str]
"""The values, and how the words were understood."""

_NOTHING = {
    words(text)
    for text in (
        "", "none", "n/a", "na", "nothing", "null", "no replacement", "not applicable", "removed", "nothing at all",
        "none at all", "no replacement needed", "-", "absent", "no substitute", "nothing takes its place", "omitted",
    )
}  # fmt: skip

GONE = re.compile(
    r"^\W*(?:no|without|w/o|none|off|disabled?|removed?|zero(?![\s-]*init)|drop(?:ped)?|turned off|absent)\b", re.I
)

_LACKS = re.compile(r"^(?P<before>[^,;()]{3,40}?)\s+(?:without|with no)\s+(?P<what>[^,;()]{2,40})$", re.I)
"""What is there, and what it lacks: ``sampling without guidance``."""

_THERE = re.compile(r"^\W*(?:with|on|enabled?|keep|kept|including)\b", re.I)


_ALONE = re.compile(r"\b(?:only|sole|solely|alone|just|merely)\b", re.I)
"""What leaves something else out: ``with the timestep as the only input`` is not with what is there."""

AND_WHY = re.compile(
    r"^(?P<bare>[\w/]+(?:\s\w+){0,3}?|[-–—])"
    r"(?:\s*[(\[](?P<inside>.*)[)\]]|\s*(?:\s[-–—]+|[–—:;,.])\s+(?P<after>.+))\W*$"
)
"""``N/A (the layer is simply left out)``, ``None - every position is a token``: nothing, and a word on it."""

TAKES_ITS_PLACE = re.compile(
    r"\b(?:use[sd]?|using|replac\w*|substitut\w*|switch\w*|instead|try|tries|add\w*|with an?)\b", re.I
)
"""What says in a remark that something does take the place."""

USED_WITHOUT = re.compile(
    r"\b(?:is|are)\s+used\s+(?:without|with no|directly|unchanged|unmodified|as (?:they|it) (?:are|is))\b", re.I
)
"""``images are used without any augmentation``: nothing takes the place."""

BECOMES = re.compile(r"\b(?:becom\w*|turns? into|remains?|left|leav\w*|reduc\w* to|falls? back)\b", re.I)
"""What says what is there once a part is gone."""


_BLANK = re.compile(r"[\s\-–—−_(){}\[\]∅✗✘❌]*")
"""Signs for nothing; a question mark or an ellipsis is none."""


def is_nothing(text: str) -> bool:
    """Whether an item says that nothing takes the part's place."""
    said = words(text)
    return said in _NOTHING and (bool(said) or _BLANK.fullmatch(text) is not None) and not leaves_open(text)


def switched(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``no EMA`` and ``without CFG`` as what REMOVE tries, ``with CFG`` as what is there or can be added."""
    if isinstance(axis, ChoiceAxis) and takes_its_place(text, axis, baseline, profile):
        return None
    known = own_words(axis)
    strange = [w for w in stems(text) if w not in known and w not in STOP_STEMS and w not in NEGATIONS]
    gone = GONE.match(text)
    if axis.remove_value is not None and (found := _LACKS.match(text)) is not None:
        quiet = all(w in known or w in STOP_STEMS or w in GENERAL or is_verb(w) for w in stems(found["before"]))
        own = [w for w in stems(found["what"]) if w not in STOP_STEMS]
        if quiet and own and all(w in known for w in own):
            return (axis.remove_value,), f"{axis.remove_means}: {axis.name}={axis.label(axis.remove_value)}"
    if axis.remove_value is not None and is_absent(text, axis, known):
        return (axis.remove_value,), f"{axis.remove_means}: {axis.name}={axis.label(axis.remove_value)}"
    if gone and axis.remove_value is not None and (is_nothing(text) or not set(_stripped(text)) - known):
        return (axis.remove_value,), f"{axis.remove_means}: {axis.name}={axis.label(axis.remove_value)}"
    if _THERE.match(text) and not strange and not gone and not _ALONE.search(text):
        own = axis.current(baseline, profile)
        if own is not None and own != axis.remove_value:
            return (own,), f"the baseline's own, {axis.name}={axis.label(own)}"
        if len(axis.add_values) == 1:
            return tuple(axis.add_values), f"{axis.add_means}: {axis.name}={axis.label(axis.add_values[0])}"
    return None


def is_absent(text: str, axis: Axis, known: frozenset[str]) -> bool:
    """Whether a text says in the axis's own words that it is not there, as ``the raw weights`` does of an average."""
    said = stems(re.split(r"\b(?:instead of|rather than|in place of)\b", text, maxsplit=1, flags=re.I)[0])
    if numbers_in(text):
        return False
    for phrase in map(stems, axis.absent):
        if phrase and set(phrase) <= set(said):
            beside = [word for word in said if word not in phrase and word not in NEGATIONS]
            if all(w in known or w in STOP_STEMS or w in GENERAL or is_verb(w) for w in beside):
                return True  # "conditional prediction only" is a longer phrase than "conditional only"
    return False


def _stripped(text: str) -> Words:
    return tuple(
        w
        for w in stems(text)
        if w not in STOP_STEMS and w not in NEGATIONS and w not in stems("drop dropped zero turned")
    )


def takes_its_place(text: str, axis: ChoiceAxis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether beside a word for nothing there is a value after all: ``none (use rotary embeddings)``."""
    there = {axis.remove_value, axis.current(baseline, profile)}
    return not set(mentioned(text, axis, profile)) <= there
