"""What one item of a plan's Replacement stands for: a value, several, or every alternative."""

from __future__ import annotations

import re
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis
from search_spaces.fields import with_fields
from search_spaces.plan_import.written import EXAMPLES, clean, split_items
from search_spaces.profiles import Profile
from search_spaces.words import BASELINE_WORDS, FILLER, Words, without, words

_NOTHING = {
    words(text) for text in ("", "none", "n/a", "nothing", "null", "no replacement", "not applicable", "removed")
}
_MARKERS = frozenset(
    words(
        "alternative other different various variant all any every remaining several multiple possible available "
        "option range candidate"
    )
)
_AROUND_MARKERS = FILLER | frozenset(words("each value existing type than")) | BASELINE_WORDS
_SMALLER = frozenset(words("smaller lower fewer less shallower narrower finer"))
_LARGER = frozenset(words("larger bigger higher greater more deeper wider coarser"))

_THAN = re.compile(r"\b(?:alternatives?|options?)\s+to\b|\bother than\b|\bdifferent from\b|\binstead of\b", re.I)

Reading = tuple[tuple[Any, ...], str]
"""The values, and how the words were understood."""


def is_nothing(text: str) -> bool:
    """Whether an item says that nothing takes the part's place."""
    return words(text) in _NOTHING


def read_values(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading:
    """Returns the values that ``text`` stands for on ``axis``; each of them is possible with the baseline.

    Raises:
        UserError: why none was found; nothing is guessed.
    """
    values, meaning = _read(text, axis, baseline, profile)
    for value in values:
        with_fields(baseline, axis.settings(value, profile, baseline))
    return values, meaning


def _read(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading:
    try:
        value = axis.parse(text, profile)
        return (value,), f"{axis.name}={axis.label(value)}"
    except UserError as error:
        reason = error
    for reader in (_examples, _remark, _alternatives, _own, _several):
        reading = reader(text, axis, baseline, profile)
        if reading is not None:
            return reading
    raise reason


def _examples(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``other decoders (e.g. mlp, conv)`` and ``several sizes: S, B`` as the values they list."""
    head, listed = _head_and_list(text)
    if not listed or (_rest(head, axis) - _MARKERS):
        return None
    values: list[Any] = []
    for item in listed:
        values += _read(item, axis, baseline, profile)[0]
    return _named(values, axis, "the values it lists")


def _head_and_list(text: str) -> tuple[str, list[str]]:
    if opened := EXAMPLES.search(text):
        return text[: opened.start()], _pieces(text[opened.end() :].rstrip(" )]"))
    if found := re.fullmatch(r"(.*?)[(\[](.*)[)\]]\s*|([^:]*):(.*)", text):
        head, inside = (found[1], found[2]) if found[2] is not None else (found[3], found[4])
        return head, _pieces(inside)
    return text, []


def _remark(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``adaLN (adaptive layer norm)`` as ``adaLN`` when the brackets say the same or nothing."""
    found = re.fullmatch(r"(.*\S)\s*[(\[](.*)[)\]]|(.*\S)\s*:\s*(.*)", text)
    if found is None:
        return None
    head, inside = (found[1], found[2]) if found[2] is not None else (found[3], found[4])
    try:
        value = axis.parse(head, profile)
        same = not (set(words(inside)) - FILLER) or axis.parse(inside, profile) == value
    except UserError:
        same = False
    return ((value,), f"{axis.name}={axis.label(value)}") if same else None


def _alternatives(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads words that name no value, such as ``alternative decoder architectures`` or ``larger patch sizes``."""
    rest = _rest(text, axis)
    if (than := _THAN.search(text)) and not _rest(text[: than.start()], axis) - _MARKERS:
        named = axis.parse(text[than.end() :], profile)
        if named != axis.current(baseline, profile):
            raise UserError(f"{axis.name}: {text!r} names alternatives to {axis.label(named)}, not the baseline's own")
        rest = set(_MARKERS)
    if rest and rest <= _MARKERS:
        values = axis.alternatives(profile, baseline)
        return _named(values, axis, "names no value, so the axis's usual ones other than the baseline's are tried")
    direction = rest - _MARKERS
    known = axis.values(profile)
    own = axis.current(baseline, profile)
    if axis.ordered and own in known and direction and (direction <= _SMALLER or direction <= _LARGER):
        at = known.index(own)
        values = known[:at] if direction <= _SMALLER else known[at + 1 :]
        if not values:
            raise UserError(f"{axis.name}: {text!r}, but none is known beyond the baseline's, {axis.label(own)}")
        return _named(values, axis, "names no value, so every known one in that direction is tried")
    return None


def _own(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``the standard one`` as the baseline's own value."""
    own = axis.current(baseline, profile)
    if own is None or _rest(text, axis) or not set(words(text)) & BASELINE_WORDS:
        return None
    return (own,), f"the baseline's own, {axis.name}={axis.label(own)}"


def _several(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``adaLN and cross-attention`` or ``2/4/8`` as several values, when every piece is understood."""
    pieces = _pieces(text)
    values: list[Any] = []
    if len(pieces) < 2:
        return None
    for piece in pieces:
        try:
            values += _read(piece, axis, baseline, profile)[0]
        except UserError:
            return None
    return _named(values, axis, "several values")


def _pieces(text: str) -> list[str]:
    return [
        clean(piece) for item in split_items(text) for piece in re.split(r"\s+(?:and|or|vs\.?|versus)\s+|[/&|]", item)
    ]


def _rest(text: str, axis: Axis) -> set[str]:
    """Returns the words that are neither the axis's name nor filler."""
    left: Words = without(words(text), map(words, axis.spoken))
    return set(left) - _AROUND_MARKERS


def _named(values: Any, axis: Axis, how: str) -> Reading:
    distinct = tuple(dict.fromkeys(values))
    return distinct, f"{how}: {', '.join(map(axis.label, distinct))}"
