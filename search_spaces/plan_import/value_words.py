"""Finds the one value of a choice that a description speaks of, by words that tell the choice's values apart.

``A lightweight convolutional head (3x3, after rearranging the tokens)`` holds every word of one way to write ``conv``,
and no other value has one that is as long. What stands around it may describe, in any words behind it and in plain
ones before it; what could change it (a negation, a number, another axis, something that is not varied) stops the
reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis, all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.plan_import.described import only_describes
from search_spaces.plan_import.evidence import GENERAL, names_other, picks_some, spelled
from search_spaces.plan_import.loose import (
    ALL_THERE_IS,
    SHAPE,
    STYLED,
    TURNS,
    WEAK,
    foreign,
    lists_more,
    mentioned,
    names_one_side,
    own_words,
    setting_in,
)
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.stems import NEGATIONS, STOP_STEMS, stems
from search_spaces.profiles import Profile

_ASIDE = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
_EQUATION = re.compile(r"(?<![^\s,;])(?=\S{0,24}[^\W\d])[^\s,;=]{1,24}\s*=\s*[^\s\d,;=]{1,24}(?=[\s,;.]|$)")
"""Symbols that stand for each other, without a number: ``sigma_t = beta_t``."""

_PLACED = re.compile(
    r"\s*(?:following|after|before|in|inside|within|between|behind|in front of|on top of|at)\s"
    r"(?!.*\b(?:with|using|via|plus|and)\b)",
    re.I,
)
"""What says where something stands, and no more."""

_BEHIND = re.compile(
    r"[,;:–—]|\s-\s|\b(?:to|following|after|before|in|inside|within|for|over|on|onto|per|of|at|across|from|that|which|applied|as|"
    r"so|used|using|via|through|followed|between|where|while|like|because|since|with|computed|initiali[sz]ed)\b",
    re.I,
)
_PLAIN = frozenset(
    stems(
        "lightweight light small simple shallow tiny little big richer expressive powerful learnable trainable "
        "ordinary usual classic modern efficient popular separate dedicated additional proper actual naive common "
        "common-place pure original straightforward strong stronger basic alternative known"
    )
)
"""What describes a value before its name without changing it."""


def value_by_words(text: str, axis: ChoiceAxis, baseline: TrialConfig, profile: Profile) -> Any:
    """Returns the value that a description speaks of; None where none, or more than one, is clear.

    Args:
        text: what was written.
        axis: the axis whose value it is.
        baseline: its own values may be named beside it; they change nothing.
        profile: the baseline's profile.
    """
    if names_one_side(text, axis, profile):
        return None
    silent = own_values(baseline, profile)
    plain = STYLED.sub(" ", spelled(text))
    asides = _ASIDE.findall(plain)
    named = re.match(
        r"\s*([^:(),]{2,40}?)(?:\s*[:,]|\s+[–—-])\s+(.+)$", plain
    )  # "adaLN-single: one MLP for all blocks plus an offset"
    if named is not None and (value := _outright(named[1], axis, profile)) is not None:
        told = re.sub(r"\bone\b", " ", SHAPE.sub(" ", named[2]))
        clear = not foreign(told, places=True) and not numbers_in(told)
        other = set(mentioned(told, axis, profile)) - {value} or NEGATIONS & set(stems(told))
        told_only = only_describes(told, axis, silent)
        return value if clear and told_only and not other and setting_in(told, axis) is None else None
    inline = re.sub(r"[()\[\]]", " ", plain) if asides and all(len(a.split()) <= 2 for a in asides) else ""
    bare = _ASIDE.sub(" ", plain)
    if not bare.strip():
        return None
    for head, rest in ((inline, []), (bare, asides)):
        value = _value_of(head, axis, profile, silent) if head else None
        if value is not None and all(_is_aside(aside, value, axis, profile) for aside in rest):
            return value
    return _in_brackets(bare, asides, axis, profile) or (_introduced(bare, axis, profile) if not asides else None)


def own_values(baseline: TrialConfig, profile: Profile) -> frozenset[str]:
    """How the baseline's own values are called, which change nothing where they are named."""
    found: set[str] = set()
    for axis in all_axes():
        if isinstance(axis, ChoiceAxis) and (own := axis.current(baseline, profile)) is not None:
            found |= {str(own), *axis.value_aliases.get(own, ())}
    return frozenset(found)


def _value_of(head: str, axis: ChoiceAxis, profile: Profile, silent: frozenset[str]) -> Any:
    head = _EQUATION.sub(" ", SHAPE.sub(" ", head))
    if TURNS.search(head) or picks_some(head) or names_other(head, axis, silent):
        return None
    said = stems(head)
    fits = _fits(set(said), axis, profile)
    most = max(map(len, fits.values()), default=0)
    best = [value for value, words in fits.items() if len(words) == most]
    if len(best) != 1:
        return None
    words = fits[best[0]]
    bare = " ".join(word for word in head.split() if not set(stems(word)) & words)
    opening = head[: _front(head, words)]
    if numbers_in(bare) or re.search(r"\b(?:and|or|vs|versus)\b|/", opening):
        return None
    placed = _PLACED.match(head[len(opening) :]) is not None
    if foreign(opening if placed else head, places=True):
        return None
    known = own_words(axis)
    if lists_more(head, known | words):
        return None
    front = [word for word in stems(opening) if word not in words and word not in STOP_STEMS and word not in known]
    strange = [word for word in front if word not in GENERAL and word not in _PLAIN]
    weak = len(words) == 1 and words <= WEAK | GENERAL and (front or words <= GENERAL - WEAK)
    return None if strange or weak or NEGATIONS & set(said) - words else best[0]


def _fits(said: set[str], axis: ChoiceAxis, profile: Profile) -> dict[Any, frozenset[str]]:
    """Value -> the most words of one way to write it that all stand in a text, beside words about the axis."""
    around = {word for phrase in axis.spoken for word in stems(phrase)}
    silent = STOP_STEMS - WEAK
    found: dict[Any, frozenset[str]] = {}
    for value, spellings in axis.spellings(profile).items():
        own = set(stems(spelled(str(value))))
        for spelling in spellings:
            wanted = frozenset(stems(spelled(spelling))) - silent
            core = wanted - (around - own)
            weak = len(core) == 1 and core <= WEAK and not set(stems(spelled(spelling))) <= said
            if core and wanted <= said and not weak and len(core) > len(found.get(value, ())):
                found[value] = core
    return found


def _front(head: str, words: Iterable[str]) -> int:
    """Where the description behind a value's name begins."""
    first = min((at.start() for at in re.finditer(r"\w+", head) if set(stems(at[0])) & set(words)), default=0)
    found = _BEHIND.search(head, first)
    return found.start() if found else len(head)


def _is_aside(text: str, value: Any, axis: ChoiceAxis, profile: Profile) -> bool:
    """Whether what stands in brackets behind a value only describes it."""
    bare = SHAPE.sub(" ", text)
    if re.search(r"=\s*[\d.]|[α-ωa-z]\s*≈", bare) or setting_in(bare, axis) is not None:
        return False
    own = {word for name in axis.spellings(profile)[value] for word in stems(spelled(name))}
    others = [v for v in mentioned(text, axis, profile) if v != value]
    longer = [v for v in others if not all(set(stems(spelled(n))) & own for n in axis.spellings(profile)[v][:1])]
    if mentioned(text, axis, profile) and not longer:
        return True
    lasting = re.search(r"\bno longer\b", text, re.I) is not None
    return lasting or not (longer or TURNS.search(text))


def _in_brackets(bare: str, asides: list[str], axis: ChoiceAxis, profile: Profile) -> Any:
    """The value that brackets name outright behind a description that names none: ``one shared MLP (adaLN-single)``."""
    if len(asides) != 1 or numbers_in(SHAPE.sub(" ", bare)) or TURNS.search(bare) or foreign(bare, places=True):
        return None
    if len(bare.split()) < 2:
        return None  # "None (use rotary embeddings)"
    value = _outright(re.split(r"[,;]", asides[0])[0], axis, profile)
    return value if value is not None and not set(mentioned(bare, axis, profile)) - {value} else None


def _introduced(text: str, axis: ChoiceAxis, profile: Profile) -> Any:
    """The value behind words that only announce it: ``the smaller configuration DiT-S/2``."""
    words = text.split()
    for cut in range(1, min(6, len(words))):
        head, rest = " ".join(words[:cut]), " ".join(words[cut:])
        quiet = all(w in STOP_STEMS or w in GENERAL or w in _PLAIN or w in _ANNOUNCES for w in stems(head))
        if not quiet or NEGATIONS & set(stems(head)):
            return None
        if (value := _outright(rest, axis, profile)) is not None:
            return value
    return None


_ANNOUNCES = frozenset(
    stems("smaller larger bigger configuration configurations variant option version setting called")
)


def _outright(text: str, axis: ChoiceAxis, profile: Profile) -> Any:
    try:
        return axis.parse(text, profile)
    except UserError:
        return None


def describes_switch(text: str, axis: Axis, silent: frozenset[str]) -> bool:
    """Whether a text describes what a switch turns on, in words that speak of it more than of any other axis."""
    from search_spaces.plan_import.evidence import evidence

    head = STYLED.sub(" ", _ASIDE.sub(" ", spelled(text)))
    own = "|".join(re.escape(phrase) for phrase in axis.vocabulary if " " in phrase) or "(?!)"
    some = picks_some(re.sub(rf"\b(?:{own})\b", " ", head, flags=re.I))  # long skips join first half and second half
    if numbers_in(head) or TURNS.search(head) or ALL_THERE_IS.search(head) or some or foreign(head, places=True):
        return False
    ranked = evidence([("", head, 1.0)])
    mine = [score for score in ranked if score.candidate.axis is axis]
    others = [score for score in ranked if score.candidate.axis is not axis]
    if not mine or mine[0].text < _SPEAKS or names_other(head, axis, silent):
        return False
    return not others or mine[0].text >= 1.5 * others[0].text


_SPEAKS = 1.5
"""Evidence in words from which a text speaks of a switch."""
