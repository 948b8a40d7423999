"""What one item of a plan's Replacement stands for: a value, several, or every alternative."""

from __future__ import annotations

import re
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.axes.switch import BoolAxis
from search_spaces.fields import with_fields
from search_spaces.plan_import.absence import GONE, Reading, is_absent, is_nothing, switched, takes_its_place
from search_spaces.plan_import.amounts import SWEEPS, number_in, range_in, stepped
from search_spaces.plan_import.apposition import in_brackets, in_other_words
from search_spaces.plan_import.commas import TwoWays, without_doubt
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.giving_way import comes_instead
from search_spaces.plan_import.loose import choice_in, foreign, is_remark, mentioned, own_words, switch_in
from search_spaces.plan_import.numerals import OVERLONG, numbers_in
from search_spaces.plan_import.off_words import not_to_try
from search_spaces.plan_import.sets import of_a_set
from search_spaces.plan_import.there import is_published, published_numbers
from search_spaces.plan_import.together import both_of
from search_spaces.plan_import.value_words import describes_switch, own_values, value_by_words
from search_spaces.plan_import.wrapping import BESIDE, TORCH, replaced_in, unwrapped
from search_spaces.plan_import.written import EXAMPLES, clean, split_items
from search_spaces.profiles import Profile
from search_spaces.words import BASELINE_WORDS, FILLER, Words, without, words

DEEPEST = 4
"""Brackets nested deeper than this are no value that somebody wrote; every reader would look into each of them."""

_MARKERS = frozenset(
    words(
        "alternative other different various variant all any every remaining several multiple possible available "
        "option range candidate"
    )
)

_AROUND_MARKERS = FILLER | frozenset(words("each value existing type than")) | BASELINE_WORDS

_SMALLER = frozenset(words("smaller lower fewer less shallower narrower finer"))

_LARGER = frozenset(words("larger bigger higher greater more deeper wider coarser"))

_MORE_OF_IT = frozenset(
    words("more expressive powerful complex sophisticated advanced elaborate richer stronger modern")
)
"""What is said of values that nobody names: ``more expressive decoder heads``."""

_EVERY = frozenset(words("all any every"))

_WHICH = re.compile(
    r"\s*,?\s+(?:(?:that|which|as)\s+)?(?:are|were|is|was)?\s*(?:described|studied|proposed|compared|considered|listed"
    r"|mentioned|explored|evaluated|introduced|presented|tested|used|given)\s+(?:in|by)\s+the\s+(?:paper|authors"
    r"|original \w+)\s*$",
    re.I,
)
"""Where values that nobody names are described."""

_THAN = re.compile(r"\b(?:alternatives?|options?)\s+to\b|\bother than\b|\bdifferent from\b|\binstead of\b", re.I)

_SET = re.compile(r"^\s*[^\W\d]{1,6}[_₀-₉\d]?\s*(?:=|∈|\bin\b)\s*(?=[\[({])")

_MULTIPLE = re.compile(r"\d\s*[x×]\s+(?:of\s+)?(?:the|our)\s+(?:baseline|default|original|current|paper)\b", re.I)
"""A multiple of what is there, where a number with ``x`` alone is a value: ``2x the baseline``."""

_SYMBOL = re.compile(r"^\s*[α-ωΑ-Ω]\s*=\s*(?=\S)")
"""What opens a value of something that has a symbol: ``α = 1``."""


def means_every(text: str, axis: Axis) -> bool:
    """Whether an item is read as every known value for no other word than ``all``, as ``all patch sizes`` is."""
    rest = _rest(text, axis)
    return bool(rest) and rest <= _EVERY


def is_generic(text: str) -> bool:
    """Whether an item names no value of any axis, as ``alternatives`` does."""
    said = set(words(text)) - _AROUND_MARKERS
    return bool(said) and said <= _MARKERS


def read_values(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading:
    """Returns the values that ``text`` stands for on ``axis``; each of them is possible with the baseline.

    Raises:
        UserError: why none was found; nothing is guessed.
    """
    values, meaning = _read(text, axis, baseline, profile)
    for value in values:
        with_fields(baseline, axis.settings(value, profile, baseline))
    return values, meaning


def reads(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether ``text`` names values of ``axis``, whether or not the baseline can take them."""
    try:
        _read(text, axis, baseline, profile)
    except TwoWays:
        return True  # it names one of two
    except UserError:
        return False
    return True


def only_others(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a text says that there are other values, and names none."""
    try:
        return is_generic(text) or names_none(_read(text, axis, baseline, profile)[1])
    except UserError:
        return False


def names_values(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether ``text`` names values of ``axis``, and not only that there are others, as ``another scheme`` does."""
    try:
        return not names_none(_read(text, axis, baseline, profile)[1])
    except TwoWays:
        return True
    except Range as error:
        return error.ends[0] == axis.current(baseline, profile) or is_published(error.ends[0], axis)
    except UserError:
        return False


_NO_VALUE = "names no value"


def names_none(meaning: str) -> bool:
    """Whether what a text was taken to mean is that there are others, and no value that it names."""
    return meaning.startswith(_NO_VALUE)


def _read(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading:
    text = TORCH.sub("", text)
    if OVERLONG.search(text):
        raise UserError(f"{axis.name}: {text!r:.60} holds more digits than any number that somebody wrote")
    if says := not_to_try(text):
        raise UserError(f"{axis.name}: {text!r:.60} {says}")
    if held := of_a_set(text, axis, baseline, profile, _read):
        return held
    text = without_doubt(text, axis, baseline, profile, lambda way: _possible(way, axis, baseline, profile))
    if isinstance(axis, NumberAxis):
        text = _SET.sub("", text)
        multiple = _amount(text, axis, baseline, profile) if _MULTIPLE.search(text) else None
        if multiple is not None:
            return multiple
    elif isinstance(axis, ChoiceAxis):
        if axis.never and (found := re.search(axis.never, text, re.I)) is not None:
            raise UserError(f"{axis.name}: {found[0]!r} is none of its values; allowed: {', '.join(axis.legal())}")
        text = _SYMBOL.sub("", text)
    try:
        value = axis.parse(text, profile)
        return (value,), f"{axis.name}={axis.label(value)}"
    except UserError as error:
        reason: UserError = error
    if _depth(text) > DEEPEST:
        raise reason
    if isinstance(axis, ChoiceAxis) and (both := both_of(text, axis, profile)) is not None:
        return (both,), f"{axis.name}={both}"
    if (bare := BESIDE.sub("", text).strip()) != text.strip() and bare:
        return _read(bare, axis, baseline, profile)
    if (came := comes_instead(text, axis, baseline, profile, _read)) is not None:
        return came
    if (twice := in_other_words(text, axis, baseline, profile, _read)) is not None:
        return twice
    if (bare := unwrapped(text, axis)) != text:
        if _replaces_another(text, axis, baseline, profile):
            raise reason
        try:
            return _read(bare, axis, baseline, profile)
        except Range:
            raise
        except UserError:
            pass  # what stands around it may have been part of it
    for reader in (
        _stepped,
        _examples,
        _remark,
        _alternatives,
        _own,
        _amount,
        in_brackets,
        _instead,
        _several,
        switched,
        _described,
        _by_words,
    ):
        reading = reader(text, axis, baseline, profile)
        if reading is not None:
            return reading
    if says := foreign(text):
        raise UserError(says)
    raise reason


def _possible(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> tuple[Any, ...]:
    """The values that a text names; none where it has none that are possible with the baseline."""
    try:
        return read_values(text, axis, baseline, profile)[0]
    except UserError:
        return ()


def _replaces_another(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> bool:
    """Whether a text says that its value takes the place of one that is not there."""
    there = axis.current(baseline, profile)
    for old in replaced_in(text):
        if reads(old, axis, baseline, profile):
            if any(v != there and not is_published(v, axis) for v in _read(old, axis, baseline, profile)[0]):
                return True
            continue  # it is what is there, whatever else has a "linear schedule", too
        if numbers_in(old) and not set(numbers_in(old)) <= published_numbers():
            return True
        said = [score for score in evidence([("", old, 1.0)]) if score.text >= _NAMES_ANOTHER and score.candidate.axis]
        if not numbers_in(old) and any(
            not set(s.candidate.axis.fields) & set(axis.fields) for s in said if s.candidate.axis
        ):
            return True
    return False


_NAMES_ANOTHER = 2.0
"""Evidence from which a text speaks of an axis."""


def _depth(text: str) -> int:
    """How deep brackets are nested in a text."""
    depth = deepest = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _examples(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``other decoders (e.g. mlp, conv)`` and ``larger patches (4x4, 8x8)`` as the values they list."""
    head, listed = _head_and_list(text)
    plain = isinstance(axis, NumberAxis) and len(listed) > 1 and EXAMPLES.search(text) and not numbers_in(head)
    if plain and not foreign(head, places=True) and all(reads(item, axis, baseline, profile) for item in listed):
        return _named([_read(item, axis, baseline, profile)[0][0] for item in listed], axis, "the values it lists")
    if not listed or (_rest(head, axis) - _MARKERS - _SMALLER - _LARGER - _MORE_OF_IT):
        return None
    values: list[Any] = []
    for item in listed:
        try:
            values += _read(item, axis, baseline, profile)[0]
        except UserError:
            if _rest(head, axis) & _MARKERS or EXAMPLES.search(text):
                raise
            return None
    return _named(values, axis, "the values it lists")


def _head_and_list(text: str) -> tuple[str, list[str]]:
    if opened := EXAMPLES.search(text):
        return text[: opened.start()], _pieces(text[opened.end() :].rstrip(" )]"))
    if found := re.fullmatch(r"(.*?)[(\[{](.*)[)\]}]\s*|([^:]*):(.*)", text):
        head, inside = (found[1], found[2]) if found[2] is not None else (found[3], found[4])
        return head, _pieces(inside)
    return text, []


def _remark(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``adaLN (adaptive layer norm)`` as ``adaLN`` when the brackets say the same, nothing, or a remark."""
    found = re.fullmatch(r"(.*\S)\s*[(\[](.*)[)\]]|(.*\S)\s*:\s*(.*)", text)
    if found is None:
        return None
    head, inside = (found[1], found[2]) if found[2] is not None else (found[3], found[4])
    try:
        value = axis.parse(head, profile)
    except UserError:
        return None
    same = not (set(words(inside)) - FILLER)
    if not same:
        try:
            same = axis.parse(inside, profile) == value
            other = not same
        except UserError:
            other = False
        if isinstance(axis, ChoiceAxis) and value == axis.remove_value and not same:
            other = other or takes_its_place(inside, axis, baseline, profile)
        same = same or (not other and is_remark(f"({inside})", axis))
    return ((value,), f"{axis.name}={axis.label(value)}; '{inside}' is a remark") if same else None


def _alternatives(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads words that name no value, such as ``alternative decoder architectures`` or ``larger patch sizes``."""
    text = _WHICH.sub("", text)
    rest = _rest(text, axis)
    if (than := _THAN.search(text)) and not _rest(text[: than.start()], axis) - _MARKERS:
        named = axis.parse(text[than.end() :], profile)
        if named != axis.current(baseline, profile):
            raise UserError(f"{axis.name}: {text!r} names alternatives to {axis.label(named)}, not the baseline's own")
        rest = set(_MARKERS)
    if rest and rest <= _MARKERS:
        values = axis.alternatives(profile, baseline)
        return _named(values, axis, "names no value, so the axis's usual ones other than the baseline's are tried")
    if isinstance(axis, ChoiceAxis) and rest - {"more"} and rest <= _MORE_OF_IT | _MARKERS:
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


def _amount(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``1,024 images``, ``5,000 steps`` and ``w = 1.5`` on an axis of numbers."""
    if not isinstance(axis, NumberAxis) or _joins_none(text, axis):
        return None
    found = number_in(text, axis, baseline, profile)
    return None if found is None else ((found[0],), found[1])


def _joins_none(text: str, axis: Axis) -> bool:
    """Whether a list says of one item that it is not there, beside a number: ``0.99 and the raw weights``."""
    pieces = _pieces(text)
    silent = [piece for piece in pieces if not numbers_in(piece)] if 1 < len(pieces) < len(text) else []
    return len(silent) < len(pieces) and any(is_absent(piece, axis, own_words(axis)) for piece in silent)


_HELD = re.compile(r"^\s*[\[{(](?P<items>[^\[\]{}()]+)[\]})]\s*(?P<unit>[A-Za-z][A-Za-z -]{0,30})$")
"""A set of values with one unit or noun: ``{25, 50, 100} steps``, ``{linear, cosine} schedule``."""


def _several(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``adaLN and cross-attention``, ``2/4/8`` or ``28 → 14`` as several values, when every piece is one."""
    if (ends := range_in(text)) is not None:
        return _from_to(text, ends, axis, baseline, profile)
    held = _HELD.match(text)
    pieces = [f"{item} {held['unit']}" for item in split_items(held["items"])] if held is not None else _pieces(text)
    values: list[Any] = []
    if len(pieces) < 2:
        return None
    if (
        isinstance(axis, ChoiceAxis)
        and len(pieces) == 2
        and re.match(r"\W*(?:but\s+)?(?:without|w/o)\b", pieces[1], re.I)
    ):
        lacks = set(mentioned(pieces[1], axis, profile))
        return (
            _read(pieces[0], axis, baseline, profile)
            if len(lacks) == 1 and lacks == _one(pieces[0], axis, profile)
            else None
        )
    withs = [re.match(r"\W*with\b", piece, re.I) is not None for piece in pieces]
    if any(withs) and not all(has or GONE.match(piece) for has, piece in zip(withs, pieces, strict=True)):
        return None  # "with the timestep and class embeddings appended" is no list
    for piece in pieces:
        if is_nothing(piece) and words(piece) and axis.remove_value is not None:
            values.append(axis.remove_value)
            continue
        try:
            values += _read(piece, axis, baseline, profile)[0]
        except UserError:
            if (held is not None and text.lstrip()[0] != "(") or not_to_try(piece):
                raise  # a set is read as a whole or not at all
            return None
    return _named(values, axis, "several values")


def _stepped(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``1.0 to 2.0 in steps of 0.25`` as the values between."""
    values = stepped(text, axis, profile) if isinstance(axis, NumberAxis) else ()
    return _named(values, axis, "the values of a range with its step") if values else None


def _one(text: str, axis: ChoiceAxis, profile: Profile) -> set[Any]:
    """The value that a text is outright, if any."""
    try:
        return {axis.parse(text, profile)}
    except UserError:
        return set()


def _from_to(text: str, ends: tuple[str, str], axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``from 28 to 14`` as a change when the baseline is where it begins; else it is a range."""
    try:
        low, high = (axis.parse(end, profile) for end in ends)
    except UserError:
        return None
    upwards = isinstance(axis, NumberAxis) and low < high and not re.search(r"\bfrom\b|→|->", text, re.I)
    if upwards or SWEEPS.search(text):
        raise Range(axis, low, high)
    if low == axis.current(baseline, profile):
        return _named((low, high), axis, "a change of the baseline's own value")
    if is_published(low, axis):
        return _named((high,), axis, "a change of the published value")
    raise Range(axis, low, high)


class Range(UserError):
    """A range names its ends and not what lies between."""

    def __init__(self, axis: Axis, low: Any, high: Any) -> None:
        self.ends = (low, high)
        super().__init__(
            f"a range says where it ends and not which values lie between {axis.label(low)} and {axis.label(high)}"
        )


def _instead(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads ``RoPE instead of the sin-cos table`` as the first of the two when the second is the baseline's own."""
    found = re.fullmatch(r"(.+?)\s+(?:instead of|rather than|in place of)\s+(.+)", text, re.I)
    if found is None:
        return None
    try:
        values, meaning = _read(found[1], axis, baseline, profile)
        (old,) = _read(found[2], axis, baseline, profile)[0]
        if old != axis.current(baseline, profile) and not is_published(old, axis):
            return None
    except (UserError, ValueError):
        return None
    return values, meaning


def _described(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads a value's name with a description around it."""
    value: Any = None
    if isinstance(axis, ChoiceAxis):
        value = choice_in(text, axis, profile)
        if value is not None and value == axis.remove_value and takes_its_place(text, axis, baseline, profile):
            return None
    elif isinstance(axis, BoolAxis):
        value = switch_in(text, axis)
    return None if value is None else ((value,), f"{axis.name}={axis.label(value)}, from its description")


def _by_words(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> Reading | None:
    """Reads a description in other words than a value's names, where its words tell the values apart."""
    if isinstance(axis, BoolAxis) and describes_switch(text, axis, own_values(baseline, profile)):
        return (True,), f"{axis.name}={axis.label(True)}, from its description"
    value = value_by_words(text, axis, baseline, profile) if isinstance(axis, ChoiceAxis) else None
    return None if value is None else ((value,), f"{axis.name}={axis.label(value)}, from its words")


_JOINTS = re.compile(
    r"\s+(?:and|or)\s+(?:with|for|by|to)\s+|"
    r"\s+(?:and|or|vs\.?|versus|(?:down |up )to|then)\s+|\s*(?:→|->|⟶|➔|=>|⇒)\s*|(?<![A-Za-z])/|/(?!\d)|[&|]",
    re.I,
)


def _pieces(text: str) -> list[str]:
    bare = re.sub(r"^\s*(?:from|between|both|either)\s+(?=.*(?:\bto\b|\band\b|\bor\b|→|->))", "", text, flags=re.I)
    bare = re.sub(r"^\s*(?:with|by|to)\s+(?=.*\b(?:and|or)\s+(?:with|by|to)\b)", "", bare, flags=re.I)
    pieces = [clean(piece) for item in split_items(bare) for piece in _JOINTS.split(item)]
    return [piece for piece in pieces if piece]


def _rest(text: str, axis: Axis) -> set[str]:
    """Returns the words that are neither the axis's name nor filler."""
    left: Words = without(words(text), map(words, axis.spoken))
    return set(left) - _AROUND_MARKERS


def _named(values: Any, axis: Axis, how: str) -> Reading:
    distinct = tuple(dict.fromkeys(values))
    return distinct, f"{how}: {', '.join(map(axis.label, distinct))}"
