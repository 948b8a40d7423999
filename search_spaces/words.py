"""How phrases are compared: as words, without case, punctuation, plurals and words that carry no meaning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
Words = tuple[str, ...]

_GREEK = {"β": "beta", "ε": "epsilon", "η": "eta", "σ": "sigma"}
"""Letters that stand for names of settings: ``β2`` is ``beta2``."""

_TOKEN = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?|[^\W\d_]+")


def words(text: object) -> Words:
    """Splits text into lower-case words and numbers; plurals become singular, accents go, ``×`` becomes ``x``,
    ``β`` becomes ``beta``.
    """
    return _words(str(text))


@lru_cache(maxsize=2**16)  # every look-up compares with every alias
def _words(text: str) -> Words:
    decomposed = unicodedata.normalize("NFKD", text).replace("×", "x").casefold()
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    plain = "".join(_GREEK.get(char, char) for char in plain)
    plain = re.sub(r"(?<=[^\W\d_])['’]s\b", "", plain)
    plain = re.sub(r"\bw/o\b\.?", "without", plain)
    return tuple(_singular(token) for token in _TOKEN.findall(plain))


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith(("ches", "xes", "sses")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


BASELINE_WORDS = frozenset(words("default original baseline current proposed existing ours control"))
"""Words that point at the baseline's own value when a phrase names no other."""

FILLER = BASELINE_WORDS | frozenset(
    words(
        "a an the of in for to with using use used by on at as from its this that is are based paper "
        "standard conventional regular vanilla usual normal "
        "dit diffusion transformer model network architecture type kind variant design choice module component "
        "mechanism strategy approach method scheme option setting configuration ablation study"
    )
)
"""Words that may surround a name without changing what it names. Negations are never among them."""


def without(text: Words, phrases: Iterable[Words]) -> Words:
    """Returns the words left when every occurrence of every phrase is taken out, longest phrases first."""
    left = text
    for phrase in sorted(set(phrases), key=len, reverse=True):
        if not phrase:
            continue
        index = find(left, phrase)
        while index is not None:
            left = left[:index] + left[index + len(phrase) :]
            index = find(left, phrase)
    return left


def find(text: Words, phrase: Words) -> int | None:
    """Returns where ``phrase`` occurs in ``text`` as consecutive words, or None."""
    width = len(phrase)
    return next((i for i in range(len(text) - width + 1) if text[i : i + width] == phrase), None)


def meaningful(text: Words) -> Words:
    """Returns the words that carry meaning."""
    return tuple(word for word in text if word not in FILLER)


def match(text: object, names: Mapping[K, Iterable[str]], around: Iterable[str] = ()) -> K | None:
    """Returns the key one of whose names ``text`` reads as, when exactly one fits best.

    A name fits when it occurs in the text and everything around it is filler, one of ``around`` or another
    name of the same key, so ``standard linear decoder`` is ``linear`` (around: ``decoder``) and ``non-linear
    decoder`` is nothing.

    Args:
        text: what was written.
        names: key -> its names.
        around: phrases that may surround a name.
    """
    if isinstance(text, Mapping | list | tuple):
        return None  # [flow] is a list, whatever its words are
    said = words(text)
    fits: dict[K, tuple[bool, int]] = {}
    surrounding = [words(phrase) for phrase in around]
    for key, aliases in names.items():
        spellings = [words(alias) for alias in aliases]
        for alias in spellings:
            index = find(said, alias) if alias else None
            if index is None:
                continue
            beside = [*surrounding, *spellings]
            before, after = without(said[:index], beside), without(said[index + len(alias) :], beside)
            if not meaningful(before) and not meaningful(after):
                fits[key] = max(fits.get(key, (False, 0)), (said == alias, len(alias)))
    if not fits:
        return None
    best = max(fits.values())
    winners = [key for key, fit in fits.items() if fit == best]
    return winners[0] if len(winners) == 1 else None
