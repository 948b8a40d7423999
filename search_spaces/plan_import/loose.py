"""Finds the value that a description names: ``cross-attention to the condition embeddings``, ``with CFG (w = 4)``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from search_spaces.axes import Axis, all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.axes.switch import BoolAxis
from search_spaces.plan_import.evidence import (
    GENERAL,
    NAME,
    VALUE,
    Candidate,
    Term,
    candidates,
    others_named,
    picks_some,
    spelled,
)
from search_spaces.plan_import.numerals import NUMBER, plain_numbers
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.profiles import Profile
from search_spaces.words import Words

_REMARK = re.compile(
    r"[,;:(\[–—]|\s-\s|\b(?:to|after|before|in|inside|within|for|over|on|onto|per|of|at|from|that|which|applied|as|so|used|using|via|"
    r"through|followed|across|instead|into|between|where|while|like|because|since)\b",
    re.I,
)
TURNS = re.compile(
    r"\b(?:no|not|without|non|never|w/o|except|but|instead|rather|minus|un\w+ed)\b|\+|\bplus\b|\bnon-", re.I
)
STYLED = re.compile(r"\b[\w-]+-(?:like|style|styled|inspired)\b", re.I)
SHAPE = re.compile(
    r"\b(?:\d+|one|two|three|four|single)[\s-]+(?:hidden[\s-]+)?layer(?:ed|s)?\b|\b\d\s*[x×]\s*\d\b"
    r"|\b(?:step|epoch|iteration|layer|block|section|eq\.?|equation|table|figure|fig\.?)\s+\d+\b",
    re.I,
)
"""Numbers that only describe a part: ``two-layer``, ``3x3``, ``at step 0``."""

_CITED = re.compile(r"\bet al\b|\b(?:19|20)\d\d\b|\barxiv\b", re.I)
WEAK = frozenset(stems(
    "x image data sample small base large open no none without standard constant uniform fixed random zero one "
    "ones learned predicted upsampling deeper wider rms closed as single embedding token input mlp"
))  # fmt: skip
"""Words that name a value where they stand alone, and too little where others stand beside them."""


_SIDES = re.compile(r"\s*[|¦]\s*|\s+(?:or|/|&)\s+|(?<=[A-Za-z]{3})/(?=[A-Za-z]{3})")
"""What stands between two items of a line."""


def names_one_side(text: str, axis: ChoiceAxis, profile: Profile) -> bool:
    """Whether a text is two items of which only one is a value, as ``Muon | Lion`` is: none describes the other."""
    sides = [side for side in _SIDES.split(text) if side.strip()]
    if len(sides) < 2 or any(len(side.split()) > 2 for side in sides):
        return False
    named = [choice_in(side, axis, profile) is not None for side in sides]
    return any(named) and not all(named)


def choice_in(text: str, axis: ChoiceAxis, profile: Profile) -> Any:
    """Returns the value that a description names; None when there is none, several, or more than a remark beside it."""
    if names_one_side(text, axis, profile):
        return None
    names = {value: (value, *axis.value_aliases.get(value, ())) for value in axis.legal_values(profile)}
    plain = STYLED.sub(lambda at: at[0] if foreign(at[0]) else " ", spelled(text))
    if (same := _same_words(plain, axis, names)) is not None:
        return same
    head = re.split(r"[(\[]", plain, maxsplit=1)[0]
    found = _named(head, names)
    if wider := _wider(SHAPE.sub(" ", plain), found, names, axis):
        return wider[0] if len(wider) == 1 else None
    if len(found) != 1 and head != plain:
        inside = _named(plain[len(head) :], names) if not found else {}
        if len(inside) == 1 and not TURNS.search(head):  # "two extra tokens (in-context)"
            value, (start, end) = next(iter(inside.items()))
            within = stems(plain[len(head) :])
            return value if start == 0 and end >= len(within) - 1 else None
        return None
    if len(found) != 1:
        return None
    value, (start, end) = next(iter(found.items()))
    said = stems(head)
    known = own_words(axis)
    if [word for word in said[:start] if not _quiet(word, known)]:
        return None
    if (
        len(said[start:end]) == 1
        and said[start] in WEAK
        and [w for w in (*said[:start], *said[end:]) if not _quiet(w, known)]
    ):
        return None
    rest = _without_again(_after(plain, said[start:end]), names[value])
    return value if is_remark(rest, axis, names.keys() - {value}, profile) else None


def _same_words(text: str, axis: ChoiceAxis, names: Mapping[Any, Iterable[str]]) -> Any:
    """The value one of whose names has the same words, in any order, beside words about the axis."""
    around = {word for phrase in axis.spoken for word in stems(phrase)}
    text = re.sub(r"\b(?:no|w/o)\b", "without", text, flags=re.I)
    fits: set[Any] = set()
    for value, spellings in names.items():
        for spelling in spellings:
            wanted = set(stems(spelled(spelling)))
            said = set(stems(text))
            if (
                wanted
                and (wanted - STOP_STEMS or wanted) <= said
                and not {w for w in said - wanted if w not in STOP_STEMS and w not in around}
            ):
                core = wanted - around - STOP_STEMS
                if len(core) == 1 and core <= WEAK and not wanted <= said:
                    continue  # "a smaller model" is no "small transformer"
                if core or (wanted - around) & said:
                    fits.add((value, len(core)))
    if not fits:
        return None
    most = max(size for _, size in fits)
    best = {value for value, size in fits if size == most}
    if NEGATIONS & set(stems(text)) and not any(NEGATIONS & set(stems(s)) for v in best for s in names[v]):
        return None
    return best.pop() if len(best) == 1 else None


def _named(text: str, names: Mapping[Any, Iterable[str]]) -> dict[Any, tuple[int, int]]:
    """Value -> where its name stands, of the values whose names a text holds; longer names take their words first."""
    said = stems(text)
    spelt = sorted(
        ((stems(spelled(name)), value) for value, spellings in names.items() for name in spellings),
        key=lambda pair: -len(pair[0]),
    )
    taken = [False] * len(said)
    found: dict[Any, tuple[int, int]] = {}
    for phrase, value in spelt:
        silent = len(phrase) == 1 and (phrase[0] in STOP_STEMS or phrase[0] in NEGATIONS or len(phrase[0]) < 2)
        if not phrase or (silent and len(said) != 1):
            continue
        for start in range(len(said) - len(phrase) + 1):
            end = start + len(phrase)
            if said[start:end] == phrase and not any(taken[start:end]):
                taken[start:end] = [True] * len(phrase)
                found.setdefault(value, (start, end))
    strong = {v: at for v, at in found.items() if at[1] - at[0] > 1 or said[at[0]] not in WEAK}
    return strong if len(found) > 1 and strong else found


def _wider(
    text: str, found: Mapping[Any, tuple[int, int]], names: Mapping[Any, Iterable[str]], axis: ChoiceAxis
) -> list[Any]:
    """Values of which a longer name has all its words in the text, in any order: ``GELU computed exactly``."""
    said = set(stems(text))
    around = {word for phrase in axis.spoken for word in stems(phrase)}
    spoken = {word for start, end in found.values() for word in stems(text)[start:end]}
    short = spoken - around or spoken
    fits = []
    for value, spellings in names.items():
        for spelling in spellings if value not in found else ():
            wanted = set(stems(spelled(spelling)))
            rest = said - wanted
            if len(wanted) > 1 and short < wanted <= said and all(_quiet(word, own_words(axis)) for word in rest):
                fits.append(value)
    return list(dict.fromkeys(fits)) if short else []


def _without_again(text: str, spellings: Iterable[str]) -> str:
    """A text without further names of a value, and how many there are of it: ``in-context, with two extra tokens``."""
    for name in sorted(spellings, key=len, reverse=True):
        if " " in name:
            spelt = re.escape(name).replace(r"\ ", r"[\s-]+")
            text = re.sub(rf"(?:\b(?:one|two|three|four|\d+)\s+)?\b{spelt}\b", " ", text, flags=re.I)
    return text


def _after(text: str, name: Words) -> str:
    """The text behind a name."""
    tokens = list(re.finditer(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?|[^\W\d_]+", text))
    flat = [(word, token.end()) for token in tokens for word in stems(token.group())]
    for start in range(len(flat) - len(name) + 1):
        if tuple(word for word, _ in flat[start : start + len(name)]) == name:
            return text[flat[start + len(name) - 1][1] :]
    return ""


def mentioned(text: str, axis: ChoiceAxis, profile: Profile) -> tuple[Any, ...]:
    """The values of an axis whose names stand in a text, whatever else does."""
    names = {value: (value, *axis.value_aliases.get(value, ())) for value in axis.legal_values(profile)}
    found = _named(spelled(text), names)
    said = stems(spelled(text))
    return tuple(v for v, (start, end) in found.items() if end - start > 1 or said[start] not in WEAK)


def two_of_another(said: str, axis: Axis, profile: Profile) -> bool:
    """Whether a sentence names two values of another axis: ``DiT-L with 1000 steps to DiT-XL with 128`` are pairs.

    Values that this axis has as well (``linear``, ``cosine``) are taken for its own.
    """
    own = {*axis.legal_values(profile)} if isinstance(axis, ChoiceAxis) else set()
    others = [other for other in all_axes() if isinstance(other, ChoiceAxis) and other.fields != axis.fields]
    return any(len({*mentioned(said, other, profile)} - own) > 1 for other in others)


def terms_in(clause: str, candidate: Candidate) -> list[Term]:
    """The names and values of an axis or topic that stand in a clause."""
    said = stems(spelled(clause))
    return [
        term
        for term in candidate.terms
        if term.counts >= (VALUE if not set(term.stems) <= GENERAL | STOP_STEMS else NAME)
        and any(said[at : at + len(term.stems)] == term.stems for at in range(len(said) - len(term.stems) + 1))
    ]


def own_words(axis: Axis) -> frozenset[str]:
    """The stems of everything that is said about an axis."""
    return next((candidate.known for candidate in candidates() if candidate.name == axis.name), frozenset())


def _quiet(word: str, known: frozenset[str]) -> bool:
    """Whether a word beside a value changes nothing about it."""
    return (word in STOP_STEMS or word in GENERAL or word in known) and word not in NEGATIONS


THE_TWO = re.compile(r"(?<=\bthe )(?:two|three|four)\s+(?=[a-z])|(?<=\bboth )(?:two|three|four)\s+(?=[a-z])", re.I)
"""How many there are of what is known: ``attention to the two embeddings``."""


def is_remark(text: str, axis: Axis, others: Iterable[Any] = (), profile: Profile | None = None) -> bool:
    """Whether what stands behind a value only describes it.

    It may not turn it around, name something to set on another axis, hold a number that nobody reads, or name
    what dit-ablate does not vary.
    """
    bare = text.strip(" .,;:)]")
    if not bare.strip("(["):
        return True
    bare = THE_TWO.sub(" ", bare)
    joined = profile is not None and re.search(r"\b(?:and|or|vs|versus)\b", bare, re.I) is not None
    if (
        joined
        and profile is not None
        and isinstance(axis, ChoiceAxis)
        and {*mentioned(bare, axis, profile)} & {*others}
    ):
        return False  # "cross-attention and with plain adaLN" names a second value
    known = own_words(axis)
    left = [word for word in stems(spelled(bare)) if not _quiet(word, known)]
    if not left and not NUMBER.search(plain_numbers(bare)):
        return True
    if picks_some(bare) or _is_of_another(text, axis):
        return False
    if TURNS.search(bare) or NEGATIONS & set(left) or re.search(r"\b(?:versus|vs)\b", bare, re.I):
        return False
    if re.match(r"(?:and|or|then|vs)\b", bare, re.I) and NUMBER.search(plain_numbers(bare)):
        return False  # "at random, and at one" names a second value
    if _CITED.search(bare) and not setting_in(bare, axis):
        return True
    if foreign(bare, places=True) or setting_in(bare, axis):
        return False
    if NUMBER.search(plain_numbers(bare)) and not re.search(
        r"\d\s*(?:M|B|K|million|billion)?\s*(?:param|gflop)|^\W*\d+(?:\.\d+)?\s*[MB]\b", bare, re.I
    ):
        return not [w for w in left if w.isdigit()] if not left else False
    if lists_more(text, known):
        return False
    opened = _REMARK.match(bare.lstrip()) or text.lstrip()[:1] in ",;:([–—-"
    return bool(opened) and not (text.lstrip()[:1] in "([" and len(left) == 1 == len(stems(bare)))


def lists_more(text: str, known: frozenset[str]) -> bool:
    """Whether a comma leads to one or two strange words, which are as well an item of a list: ``ReLU, Snake``.

    Args:
        text: what was written.
        known: words that are not strange there.
    """
    for fragment in re.findall(r"[,;]\s*(?:(?:and|or)\s+)?([^,;()]+)", text):
        short = len(fragment.split()) <= 2 and not _REMARK.match(fragment.lstrip())
        if short and any(not _quiet(word, known) for word in stems(spelled(fragment))):
            return True
    return False


def _is_of_another(text: str, axis: Axis) -> bool:
    """Whether a fragment behind a comma names another axis: ``fixed variance, dropout in every block``."""
    fragment = re.match(r"\s*[,;]\s*(?P<said>[^,;]+)$", text)
    if fragment is None or len(fragment["said"].split()) > 5 or _REMARK.match(fragment["said"]):
        return False
    return any(
        other.axis is not None and other.axis.fields != axis.fields for other in others_named(fragment["said"], axis)
    )


def is_quiet(text: str, axis: Axis) -> bool:
    """Whether a text says nothing beside words about the axis: no number, nothing unknown, nothing turned around."""
    said = stems(spelled(text))
    return not NUMBER.search(plain_numbers(text)) and all(_quiet(word, own_words(axis)) for word in said)


@lru_cache(maxsize=2**13)
def foreign(text: str, places: bool = False) -> str:
    """Returns what dit-ablate says about a text that names something it does not vary, else nothing.

    Args:
        text: what was written.
        places: whether parts that every arm has may be named, as in ``in every attention layer``.
    """
    said = stems(spelled(text))
    for candidate in candidates():
        if candidate.topic is not None and not (places and candidate.topic.everywhere):
            for term in candidate.terms:
                wide = len(term.stems)
                if term.counts == 1.0 and any(said[i : i + wide] == term.stems for i in range(len(said) - wide + 1)):
                    return candidate.topic.says
    return ""


def setting_in(text: str, axis: Axis) -> Axis | None:
    """Returns the axis other than ``axis`` that a text sets to a number, as ``50 steps`` and ``w = 4`` do, if any."""
    plain = plain_numbers(spelled(text))
    if not NUMBER.search(plain):
        return None
    said = stems(NUMBER.sub(" ", plain))
    for other in all_axes():
        if not isinstance(other, NumberAxis) or other.fields == axis.fields:
            continue
        for name in (*other.names, *other.units):
            phrase = stems(name)
            if len("".join(phrase)) > 1 and any(
                said[i : i + len(phrase)] == phrase for i in range(len(said) - len(phrase) + 1)
            ):
                return other
    return None


def _holds(said: Words, phrase: Words) -> bool:
    return any(said[at : at + len(phrase)] == phrase for at in range(len(said) - len(phrase) + 1))


ALL_THERE_IS = re.compile(r"\b(?:as|being)\s+(?:the\s+|its\s+)?(?:only|sole|single)\b", re.I)
"""What leaves everything else out: ``with the class token as the only input``."""


def switch_in(text: str, axis: BoolAxis) -> bool | None:
    """Returns on where a text describes the axis, off where it takes it away, None where it does neither."""
    known = own_words(axis)
    said = stems(spelled(text))
    held = [t for c in candidates() if c.axis is axis for t in c.terms if _holds(said, t.stems)]
    strange = [word for word in said if not _quiet(word, known)]
    if not held or ALL_THERE_IS.search(text):
        return None
    if any(_holds(said, stems(alias)) for alias in axis.value_aliases.get(False, ())):
        return False if all(_quiet(word, known) or word in NEGATIONS for word in said) else None
    if NEGATIONS & set(said):
        return False if len([word for word in strange if word not in NEGATIONS]) == 0 else None
    head = stems(spelled(re.split(r"[,(\[;:]", text, maxsplit=1)[0]))
    odd = [word for word in head if not _quiet(word, known)]
    return True if not odd and not foreign(text) else None
