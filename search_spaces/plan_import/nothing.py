"""``None``, and a remark on it: what is left, why, or after all what takes the part's place."""

from __future__ import annotations

import re

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis, all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.absence import AND_WHY, BECOMES, TAKES_ITS_PLACE, USED_WITHOUT, is_absent, is_nothing
from search_spaces.plan_import.clauses import is_all_known, is_clause
from search_spaces.plan_import.loose import foreign, mentioned, own_words
from search_spaces.plan_import.numerals import TIMES, numbers_in
from search_spaces.plan_import.stems import stems
from search_spaces.plan_import.values import read_values, reads
from search_spaces.profiles import Profile

_USED = re.compile(
    r"^(?P<what>[^,;]+?)\s+(?:is|are|being)\s+(?:then\s+|simply\s+|just\s+)?(?:used|kept|left|evaluated|taken)\b"
    r"(?:\s+(?:throughout|everywhere|(?:during|for|in|at|by|throughout)\s+[^,;]+?))?(?:\s*(?:[,;]|\band\b|\bwhile\b)\s*(?P<rest>.+))?$",
    re.I,
)
"""``a fixed variance is used during sampling and only L_simple is optimized``."""


_BESIDES = re.compile(r"\b(?:but|with|plus|only)\b", re.I)
"""What leads in a remark to what is there after all."""

_UNDONE = re.compile(r"\bun-?(?=[a-z]{4,}ed\b)", re.I)
"""What says in one word that something was not done: ``unflipped images``."""


def nothing_and_why(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> str | None:
    """Returns the word for nothing that a remark follows; None where there is none, or more than a remark follows."""
    found = AND_WHY.match(text.strip())
    if found is None or not is_nothing(found["bare"]):
        return None
    remark = found["inside"] or found["after"]
    if _BESIDES.search(remark) and foreign(remark, places=True):
        return None  # "none (no flips, but random crops)"
    if is_absent(remark, axis, own_words(axis)):
        return None if _names_another(remark, axis, baseline, profile) else found["bare"]
    if numbers_in(remark) or TIMES.search(remark):
        return None
    if _is_what_is_left(remark, axis, baseline, profile):
        return found["bare"]
    if _tells_what_is_left(remark, axis, baseline, profile):
        return found["bare"]
    if TAKES_ITS_PLACE.search(USED_WITHOUT.sub(" ", remark)):
        return None
    if BECOMES.search(remark) and _names_another(remark, axis, baseline, profile):
        return None
    if not reads(remark, axis, baseline, profile):
        return found["bare"]
    try:
        values = read_values(remark, axis, baseline, profile)[0]
    except UserError:
        return None
    return found["bare"] if set(values) <= {axis.remove_value} else None


_PIECES = re.compile(r"\s*[,;]\s*(?:(?:and|so|but)\s+)?|\s+(?:and|while|so that)\s+", re.I)


def _tells_what_is_left(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether each piece of a remark names what is there once the part is gone, or only tells of it."""
    left = axis.remove_value
    told = [piece for piece in _PIECES.split(text.strip(" .")) if piece.strip()]
    if left is None or not isinstance(axis, ChoiceAxis):
        return False

    def names_it(piece: str) -> bool:
        try:
            return read_values(piece, axis, baseline, profile)[0] == (left,)
        except UserError:
            return False

    named = [names_it(piece) for piece in told]
    rest = [piece for piece, names in zip(told, named, strict=True) if not names]
    return any(named) and all(
        is_clause(piece, axis, baseline, profile, (left,)) and is_all_known(stems(piece), axis) for piece in rest
    )


def _is_what_is_left(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a remark says that what is used is what is there once the part is gone, and nothing more."""
    used = _USED.match(text)
    if used is None or axis.remove_value is None:
        return False
    what = _UNDONE.sub("no ", used["what"])
    try:
        values = read_values(what, axis, baseline, profile)[0]
    except UserError:
        return False
    rest = used["rest"]
    return values == (axis.remove_value,) and (
        not rest or is_clause(rest, axis, baseline, profile, (axis.remove_value,))
    )


def _names_another(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a text names a value of another axis that the baseline does not have."""
    return any(
        set(mentioned(text, other, profile)) - {other.current(baseline, profile)}
        for other in all_axes()
        if isinstance(other, ChoiceAxis) and not set(other.fields) & set(axis.fields)
    )
