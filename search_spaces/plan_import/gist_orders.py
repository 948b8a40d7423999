"""What one sentence or item of an entry says of an axis: the values that it names, and what it does with them.

What carries a quantity, a value, a negation or the name of something else has to be understood, or none of it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis, axis_called
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.actions import is_verb, leads_with_action, read_action
from search_spaces.plan_import.amounts import SWEEPS, range_in
from search_spaces.plan_import.commas import guarded, unguarded
from search_spaces.plan_import.doing import FOLLOWS, moved_in, without_asides
from search_spaces.plan_import.evidence import GENERAL, knows, names_other, picks_some
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.loose import foreign, mentioned, names_one_side, setting_in, two_of_another
from search_spaces.plan_import.numerals import NUMBER, TIMES, numbers_in, plain_numbers
from search_spaces.plan_import.sentences import UNWANTED
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.plan_import.there import is_published
from search_spaces.plan_import.value_words import own_values
from search_spaces.plan_import.values import Range, read_values
from search_spaces.plan_import.written import clean, split_items
from search_spaces.profiles import Profile

_OLD = re.compile(
    r"\b(?:do|does|would|should)(?:n['’]t| not)\s+[^,;.]*[,;]\s*(?:but\s+)?"
    r"|\s*[,(]?\s*\b(?:instead of|rather than|in place of|in lieu of|as opposed to|compared (?:to|with)|unlike"
    r"|down from|up from|"
    r"default(?:s)?(?: is| of|:)?|(?:the )?baseline(?: is| has|:|'s)|currently|was)\s+[^,;()]*\)?"
    r"|\bfrom\s+(?:the\s+|an?\s+)?[^,;()]+?(?=\s+(?:to|into|up to|down to)\b)"
    r"|[^\s,;()]+\s*(?:→|->|=>|⟶|\bbecomes?\b|\bturns? into\b|\bgoes to\b)\s*",
    re.I,
)
"""What a text says to be there before."""

_WHICH = re.compile(r",\s*(?:which|as|since|because|where|so that)\b[^;.]*$", re.I)

_SLOT = re.compile(
    r"(?:→|->|=>|⟶|\b(?:with|by|to|into|for|becomes?|as|use|using|try|trying|through|via|in favou?r of)\b"
    r"|[:=])\s*(?:an?\s+|the\s+)?",
    re.I,
)
"""What opens the place of a value."""

_ENDS = re.compile(r"\bbetween\b[^,;]*\d[^,;]*\band\b[^,;]*\d", re.I)
"""The two ends of a range: a sentence that names no value between them names none."""

_KEPT = re.compile(r"\b(?:keep|kept|leav|left|retain|hold|held)\w*\s+(?:it|them|this|these|those|that)\b", re.I)
"""What has to stay of what is to be changed, so that nothing is clear."""

SAMPLES = re.compile(
    r"\b\d[\d,.]*\s*[kK]?\s+(?:generated\s+)?(?:samples|images are generated|raters|seeds?)\b|\bs?FID[-\s]?\d+[kK]?\b"
    r"|\b(?:table|figure|fig\.?|section|sec\.?|eq\.?|appendix)\s*\(?[A-Z]?\d+(?:\.\d+)*\)?",
    re.I,
)
_PARAMETERS = re.compile(r"\b\d+(?:\.\d+)?\s*(?:M|B|million|billion|%)?\s*(?:param\w*|gflops?|weights)\b", re.I)


class Unread(Exception):
    """Something that may change what is meant is not understood."""


def named_in(text: str, axis: Axis, profile: Profile) -> bool:
    return isinstance(axis, ChoiceAxis) and bool(mentioned(text, axis, profile))


def value_in(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> list[Any]:
    """The values that an item in the place of values names; every one of its numbers and names has to be read."""
    try:
        return list(read_values(text, axis, baseline, profile)[0])
    except Range:
        raise Unread from None
    except UserError:
        pass
    if range_in(text) is not None or (isinstance(axis, ChoiceAxis) and names_one_side(text, axis, profile)):
        raise Unread
    text = without_asides(FOLLOWS.sub(" ", text), axis)
    found: list[Any] = []
    if leads_with_action(text):
        found, asked = order_in(text, axis, baseline, profile)
        if not found or asked & {"REMOVE"}:
            raise Unread
        return found
    for piece in re.split(r"\s+(?:and|or|vs\.?|versus|against|/|&)\s+|\s*[|¦]\s*", text):
        here, asked = order_in(piece, axis, baseline, profile)
        if not here or asked & {"REMOVE"}:
            raise Unread
        found += here
    return found


def order_in(text: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> tuple[list[Any], set[str]]:
    """The values that a sentence names, and what it says to do; what could change them has to be understood."""
    own = axis.current(baseline, profile)
    if isinstance(axis, NumberAxis) and SWEEPS.search(text) and range_in(text) is not None:
        raise Unread
    said = without_asides(FOLLOWS.sub(" ", text), axis)
    said = _PARAMETERS.sub(" ", SAMPLES.sub(" ", said)).strip(" ,;")
    said = _WHICH.sub(" ", said)
    if (moved := moved_in(said)) is not None and not numbers_in(moved["old"]):
        said = f"{said[: moved.start()]} , {moved['new']}"
    for piece in _OLD.findall(said):
        _strictly_old(piece, axis, baseline, profile)
    said = _OLD.sub(" , ", said)
    if _KEPT.search(text) or (isinstance(axis, NumberAxis) and (range_in(said) or _ENDS.search(said))):
        raise Unread
    if foreign(said, places=True) or picks_some(said) or names_other(said, axis, own_values(baseline, profile)):
        raise Unread
    if two_of_another(said, axis, profile):
        raise Unread
    found: list[Any] = []
    if isinstance(axis, NumberAxis):
        found = _numbers(said, axis, baseline, profile)
    elif isinstance(axis, ChoiceAxis):
        found = [value for value in _choices(said, axis, profile) if value != own]
        if numbers_in(_without_values(said, axis, found)):
            raise Unread
    elif numbers_in(said):
        raise Unread
    asked = read_action(text)
    if asked.both or UNWANTED.search(said) or any(map(_orders_strange, _CLAUSES.split(said))):
        raise Unread
    if re.search(r"n['’]t\b|\bcannot\b", said):
        raise Unread
    negative = NEGATIONS & set(stems(said)) - {"off", "instead", "rather", "without", "no"}
    if negative or (found and NEGATIONS & set(stems(said)) - {"off", "instead", "rather"}):
        raise Unread
    if found and isinstance(axis, ChoiceAxis):
        _no_strangers(said, axis, baseline, profile)
    return found, set(asked.actions)


_CLAUSES = re.compile(r"[,;]|\b(?:and|then|but)\b", re.I)


def _orders_strange(clause: str) -> bool:
    """Whether a clause orders something with words that nobody knows: ``and use bananas``."""
    bare = clause.strip()
    if numbers_in(bare) or not (leads_with_action(bare) or re.match(r"(?:use|try|apply|employ)\b", bare, re.I)):
        return False
    said = [word for word in stems(bare)[1:] if word not in STOP_STEMS and word not in GENERAL and not is_verb(word)]
    return bool(said) and not any(knows(word) for word in said)


def _strictly_old(piece: str, axis: Axis, baseline: TrialConfig, profile: Profile) -> None:
    """What a text says to be there has to be the baseline's, or the paper's, where it names a value."""
    own = axis.current(baseline, profile)
    if isinstance(axis, ChoiceAxis):
        others = [v for v in mentioned(piece, axis, profile) if v != own and not is_published(v, axis)]
        if others and re.search(r"\bnot\b|n['’]t\b", piece):
            raise Unread


def _numbers(said: str, axis: NumberAxis, baseline: TrialConfig, profile: Profile) -> list[Any]:
    """The numbers of a sentence as values of an axis; each of them, or the sentence is not read."""
    if setting_in(said, axis) is not None and not _names(said, axis):
        raise Unread
    found: list[Any] = []
    pieces = [clean(piece) for piece in unguarded(_BETWEEN.split(guarded(said)))]
    for piece in filter(None, pieces):
        if not NUMBER.search(plain_numbers(piece)) and not TIMES.search(piece):
            continue
        value = _one(piece, axis, baseline, profile)
        if value is None:
            raise Unread
        found += value
    return [value for value in found if value != axis.current(baseline, profile)]


_BETWEEN = re.compile(
    r"\s*(?:[;:()\[\]{}|]|(?<!\d),|,(?!\d{3}(?!\d))|\s[–—-]\s|→|->|=>|\b(?:and|or|then|versus|vs\.?|while|when|so"
    r"|because|which|that)\b)\s*",
    re.I,
)


_LONGEST = 16
"""How many words a piece with a number may have; every part of it is looked at."""


def _one(piece: str, axis: NumberAxis, baseline: TrialConfig, profile: Profile) -> list[Any] | None:
    """The value of the one number of a piece; words that are no other axis's unit may stand around it."""
    words = piece.split()
    if len(words) > _LONGEST:
        return None
    for width in range(len(words), 0, -1):
        for start in range(len(words) - width + 1):
            text = " ".join(words[start : start + width])
            outside = " ".join((*words[:start], *words[start + width :]))
            if numbers_in(outside) or TIMES.search(outside) or not (numbers_in(text) or TIMES.search(text)):
                continue
            try:
                return list(read_values(text, axis, baseline, profile)[0])
            except Range:
                return None
            except UserError:
                continue
    return None


def _names(said: str, axis: Axis) -> bool:
    return any(_same(name, axis) for name in axes_named(said))


def _same(name: str, axis: Axis) -> bool:
    other = axis_called(name)
    return other is not None and other.fields == axis.fields


def _choices(said: str, axis: ChoiceAxis, profile: Profile) -> list[Any]:
    """The values that a sentence names; a plain word such as ``fixed`` names one beside a word of the axis."""
    found = list(mentioned(said, axis, profile))
    plain = re.sub(r"\b1\b", "one", re.sub(r"\b0\b", "zero", said))
    if found or (found := list(mentioned(plain, axis, profile))):
        return found
    for name in axis.names:
        for value in axis.legal_values(profile):
            for spelt in (str(value), *axis.value_aliases.get(value, ())):
                word = re.escape(spelt).replace(r"\ ", r"[\s-]+")
                last = re.escape(name.split()[-1])
                if re.search(
                    rf"\b{last}\s+(?:is|are|stays?|to|be|=|held|kept|as|\s)*{word}\b|\b{word}\s+{last}\b", said, re.I
                ):
                    found.append(value)
    return list(dict.fromkeys(found))


def _without_values(said: str, axis: ChoiceAxis, values: Iterable[Any]) -> str:
    said = re.sub(r"\b1\b", "one", re.sub(r"\b0\b", "zero", said))
    for value in values:
        for name in sorted((str(value), *axis.value_aliases.get(value, ())), key=len, reverse=True):
            said = re.sub(re.escape(name).replace(r"\ ", r"[\s-]+"), " ", said, flags=re.I)
    return said


def _no_strangers(said: str, axis: ChoiceAxis, baseline: TrialConfig, profile: Profile) -> None:
    """In a list of values every item has to name one: ``ReLU or Snake`` is not ReLU alone."""
    said = re.sub(r"[\[{]", " ", re.sub(r"[\]}]", ", ", said))  # what is in a set is a list, too
    slots = list(_SLOT.finditer(said))
    for at, slot in enumerate(slots):
        end = slots[at + 1].start() if at + 1 < len(slots) else len(said)
        items = [
            item
            for piece in split_items(said[slot.end() : end])
            for item in re.split(r"\s+(?:and|or|vs\.?|versus|/)\s+|\s*[|¦]\s*", piece)
        ]
        items = [item for item in items if any(len(word) > 1 for word in re.findall(r"\w+", item))]
        named = [bool(mentioned(item, axis, profile)) for item in items]
        short = [len(item.split()) <= 4 for item in items]
        if any(named) and any(not has and few for has, few in zip(named, short, strict=True)):
            raise Unread
