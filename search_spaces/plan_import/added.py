"""What is added, where the part only says to what: long skips to ``the isotropic layer stack``.

With ADD, what is tried names the axis, and the part is the place. The place may be called in any words, provided that
it picks no part of the model, holds no number and no value that the baseline does not have, and is of this model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dit_core.config import TrialConfig
from search_spaces.axes import Axis, all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.evidence import GENERAL, SELECTS, Score, evidence, names_other
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.labels import REPLACEMENT
from search_spaces.plan_import.loose import TURNS, foreign, mentioned, own_words
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.stems import STOP_STEMS, stems
from search_spaces.plan_import.value_words import own_values
from search_spaces.plan_import.values import reads
from search_spaces.plan_import.wrapping import unwrapped
from search_spaces.plan_import.written import Entry
from search_spaces.profiles import Profile

_ONLY_ITS = 2.5
"""Evidence of values that hardly another axis can read."""

_SPEAKS, _CLEARLY = 2.2, 1.35
"""Evidence in words from which a text speaks of an axis, and how many times that of another one it is."""


def what_is_added(entry: Entry, ranked: Sequence[Score], baseline: TrialConfig, profile: Profile) -> Score | None:
    """Returns the axis of which every value of an entry that adds something is one, and which they name; else None.

    Args:
        entry: as written.
        ranked: the candidates with their evidence, best first.
        baseline: the configuration that values must be possible with.
        profile: the baseline's profile.
    """
    asked = frozenset[str]().union(*(read_action(text).actions for text in entry.actions))
    best = next((score for score in ranked if score.candidate.axis is not None), None)
    axis = best.candidate.axis if best is not None else None
    if best is None or axis is None or asked != {"ADD"} or not axis.add_values or not entry.replacements:
        return None
    told = any(where == REPLACEMENT for where, _, _ in best.words) and best.values >= _ONLY_ITS
    silent = own_values(baseline, profile)
    whole = all(
        _speaks_of(bare, axis) and reads(text, axis, baseline, profile) and not names_other(bare, axis, silent)
        for text in entry.replacements
        for bare in (unwrapped(text, axis),)
    )
    if not (told and whole and len(entry.parts) == 1):
        return None
    parts = [_without_what_lacks(text, axis, silent) for text in entry.parts]
    return best if all(_is_place(text, baseline, profile) for text in parts) else None


_LACKS = re.compile(r"[;,]?\s*[(\[]\s*(?:(?:with\s+)?no|without(?:\s+any)?|lacking)\s+(?P<what>[^()\[\]]+)[)\]]", re.I)


_TOLD = re.compile(
    r"\s*[,;]\s*(?:which|that)\s+(?:(?:so far|currently|now)\s+)?(?:(?:lacks?|ha(?:s|ve) no|contains? no"
    r"|do(?:es)? not (?:have|contain)"
    r"|is without)(?:\s+any)?|(?:(?:only|just)\s+)?(?:consists? of|is (?:made|composed)(?: up)? of|holds|contains))\s+"
    r"(?P<what>[^,;()\[\]]+)$",
    re.I,
)
"""A clause on what a place has or lacks: ``which consists of image tokens only``."""

_AS_IN = re.compile(
    r"\s+(?:of|as in|like in|as (?:it|they) ha(?:s|ve) in|known from)\s+(?:an?\s+|the\s+)?U-?(?:Net|ViT)s?\W*$", re.I
)


def without_told(text: str) -> str:
    """A place without the clause on what it has or lacks."""
    return _TOLD.sub("", text)


def _without_what_lacks(text: str, axis: Axis, silent: frozenset[str]) -> str:
    """A place without what is told of what it has or lacks, where that is no other axis's: ``(no distant links)``."""

    def left(found: re.Match[str]) -> str:
        what = (
            _AS_IN.sub("", found["what"]) if axis.name in axes_named(_AS_IN.sub("", found["what"])) else found["what"]
        )
        lacks = re.search(r"\b(?:lacks?|no|not|without)\b", found[0], re.I) is not None and _TOLD.match(found[0])
        if lacks and not {*stems(what)} & own_words(axis) - GENERAL - STOP_STEMS:
            return found[0]
        return found[0] if numbers_in(what) or names_other(what, axis, silent) or foreign(what, places=True) else " "

    return _TOLD.sub(left, _LACKS.sub(left, text))


def _speaks_of(text: str, axis: Axis) -> bool:
    """Whether a text's words speak of one axis, and clearly less of any other, or of a topic."""
    heard = evidence([("", text, 1.0)])
    mine = max((score.text for score in heard if score.candidate.axis is axis), default=0.0)
    others = [s.text for s in heard if s.candidate.axis is None or not {*s.candidate.axis.fields} & {*axis.fields}]
    return mine >= _SPEAKS and mine >= _CLEARLY * max(others, default=0.0)


def _is_place(text: str, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a text can be what something is added to, as it is in the baseline."""
    text = re.sub(r"\b(?:every|each|all)\b", " ", text, flags=re.I)
    if numbers_in(text) or TURNS.search(text) or SELECTS & set(stems(text)) or foreign(text, places=True):
        return False
    return not any(
        set(mentioned(text, axis, profile)) - {axis.current(baseline, profile)}
        for axis in all_axes()
        if isinstance(axis, ChoiceAxis)
    )


def narrower_axis(entry: Entry, axis: Axis) -> Axis | None:
    """Returns the one axis of a share of what an axis sets whose place a part names: dropout that is added to the MLPs.

    Args:
        entry: as written; where nothing is added, its part is no place.
        axis: what is added, as its values or its title name it.
    """
    asked = frozenset[str]().union(*(read_action(text).actions for text in entry.actions))
    said = {word for text in entry.parts for word in stems(text)}
    if asked != {"ADD"} or said & _words(axis):
        return None
    narrower = [other for other in all_axes() if {*other.fields} < {*axis.fields}]
    found = [other for other in narrower if said & (_words(other) - _words(axis))]
    return found[0] if len(found) == 1 else None


def _words(axis: Axis) -> set[str]:
    """The words of an axis's name and title, and of its shorter aliases, that tell it from others."""
    return {word for name in axis.names if len(name.split()) < 4 for word in stems(name)} - STOP_STEMS - GENERAL
