"""What describes a value, and whether it says more than the value: ``one MLP for all blocks plus an offset of each``.

A description may say what its value is in other words, and what stays as it is. What it joins to the value, says to be
changed, or gives a number of, is not passed over.
"""

from __future__ import annotations

import re

from dit_core.config import TrialConfig
from search_spaces.axes import AXES, Axis
from search_spaces.plan_import.actions import is_verb
from search_spaces.plan_import.evidence import GENERAL, evidence, names_other
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.loose import foreign, own_words
from search_spaces.plan_import.numerals import TIMES, numbers_in
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.plan_import.there import is_published_of
from search_spaces.profiles import Profile

MORE = re.compile(
    r"\b(?:also|additionally|together with|combined with|in combination|as well|at the same time|jointly|plus"
    r"|moreover|simultaneous(?:ly)?|on top|along with|while (?:\w+ing|the)|but (?:with|use|without)"
    r"|and (?:set|use|train|double|halve|increase|decrease|reduce|raise|lower|remove|drop|add|replace|switch)\w*"
    r"|and (?:twice|half|double|triple))\b",
    re.I,
)
"""What joins a second change to a value."""

CHANGES = re.compile(
    r"\b(?:halved|doubled|tripled|increased|decreased|reduced|raised|lowered|removed|dropped|switched|"
    r"(?:replac|swap|substitut)(?:es|ed|ing))\b|\btrain(?:ed|ing)?\s+(?:for|longer|at)\s+\d"
    r"|\b(?:with|using)\s+(?:an?\s+|the\s+)?[\w-]+\s+(?:schedule|optimi[sz]er|sampler|objective|loss|positions?|norm)\b",
    re.I,
)
"""What changes something beside a value."""

_FOLLOWS_IT = re.compile(
    r"\b(?:is|are|gets?|being)\s+(?:then\s+|also\s+|always\s+|linearly\s+)*"
    r"(?:re-?scaled|scaled|adjusted|adapted|re-?tuned|tuned|changed|set)\b|\bscales?\b",
    re.I,
)
"""What says that something is set anew for every value: ``the learning rate is scaled linearly``."""

_AS_IN = re.compile(r"\s*,?\s+(?:as|like) (?:in|by)\s+[A-Z].*$")
_MADE_OF = re.compile(r"\bMLPs?\b(?!\s+(?:ratio|dropout|expansion|width|activation))")
_STAYS = re.compile(
    r"\b(?:kept|held|fixed|stay(?:s|ed|ing)?|remain(?:s|ed|ing)?|keep(?:s|ing)?|hold(?:s|ing)?|unchanged|constant|left|retain(?:s|ed)?)\b",
    re.I,
)
_PIECES = re.compile(r"\s*[,;]\s*(?:and\s+)?|\s+and\s+", re.I)


def joins_a_change(text: str) -> bool:
    """Whether a text says that something is changed beside a value."""
    return bool(MORE.search(text) or CHANGES.search(text))


def sets_another(text: str) -> bool:
    """Whether a text says that something with a name is set anew: ``the learning rate is scaled with it``."""
    return bool(_FOLLOWS_IT.search(text) and axes_named(text)) and not NEGATIONS & set(stems(text))


def only_describes(text: str, axis: Axis, silent: frozenset[str]) -> bool:
    """Whether a text says only what a value of an axis is, also where it joins one part of it to another.

    Args:
        text: what stands beside the value.
        axis: the axis of the value.
        silent: values that say nothing, such as the baseline's own.
    """
    bare = _MADE_OF.sub("network", _AS_IN.sub("", text))
    others = names_other(bare, axis, silent) and names_other(text, axis, silent)
    if CHANGES.search(bare) or TIMES.search(bare) or others or foreign(bare, places=True):
        return False
    return all(_is_of(piece, axis) for piece in MORE.split(bare)[1:])


def _is_of(text: str, axis: Axis) -> bool:
    """Whether a text speaks of an axis more than of any other, and neither counts nor orders anything."""
    if numbers_in(text) or TIMES.search(text) or NEGATIONS & set(stems(text)) or any(map(is_verb, stems(text))):
        return False
    heard = {score.candidate.name: score.text for score in evidence([("", text, 1.0)])}
    mine = heard.pop(axis.name, 0.0)
    most = max(heard.values(), default=0.0)
    known = own_words(axis)
    plain = all(word in STOP_STEMS or word in GENERAL or word in known or word in _PARTS for word in stems(text))
    return (mine >= _SPEAKS and mine >= _CLEARLY * most) or (plain and most < _HARDLY)


_CLAUSES = re.compile(r"\s*[,;()\[\]]\s*|\s+(?:and|while|whilst|but)\s+", re.I)


def untrue_in(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> str:
    """Returns what a text says to stay at a number that is not there (``14 layers kept``); empty where it says none."""
    for clause in _CLAUSES.split(text):
        stays = _STAYS.search(clause) and numbers_in(clause) and not NEGATIONS & set(stems(clause))
        named = [AXES.get(name) for name in axes_named(clause)] if stays else []
        other = len(named) == 1 and not {*named[0].fields} & {*axis.fields}
        if other and not _is_there(clause, axis, baseline, profile):
            return clause.strip()
    return ""


_SORT = frozenset(
    stems(
        "alternative other different various variant several multiple possible available option candidate common "
        "smaller larger lower higher fewer less greater bigger shallower deeper narrower wider shorter longer "
        "linearity linearities "
        "weaker stronger coarser finer range grid sweep search vary variation set list value setting choice test try"
    )
)
"""Words of a title that says of which sort values are, and names none."""


def is_title_of(text: str, axis: Axis, part: str = "") -> bool:
    """Whether a text says of which sort the values of an axis beside it are: ``Smaller and larger batches``.

    Args:
        text: what stands beside values.
        axis: the axis of the values.
        part: what the entry is about, the words of which say nothing more.
    """
    said, known = stems(re.sub(r"\bnon-?(?=\w)", "", text, flags=re.I)), own_words(axis) | {*stems(part)}
    quiet = all(word in STOP_STEMS or word in GENERAL or word in known or word in _SORT for word in said)
    return quiet and not NEGATIONS & {*said} and not TIMES.search(text) and not numbers_in(text)


_SPEAKS, _CLEARLY, _HARDLY = 1.5, 1.35, 0.6
"""Evidence from which a text speaks of an axis, how many times that of any other one it is, and what says nothing."""

_PARTS = frozenset(stems("offset bias shift vector table correction"))
"""What any value may be made of."""


def says_what_stays(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a text only says what stays as it is, with the numbers that are there: ``the depth is kept at 28``.

    The axis that is varied does not stay, so that a text about it is not one.
    """
    if not _STAYS.search(text) or NEGATIONS & set(stems(text)) or joins_a_change(text) or TIMES.search(text):
        return False
    return all(_is_there(piece, axis, baseline, profile) for piece in _PIECES.split(text) if piece.strip(" ."))


def _is_there(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    named, numbers = axes_named(text), numbers_in(text)
    if len(named) != 1 or len(numbers) != 1 or foreign(text, places=True):
        return False
    other = AXES.get(named[0])
    if {*other.fields} & {*axis.fields}:
        return False
    return numbers[0] == other.current(baseline, profile) or is_published_of(text, numbers[0])
