"""Numbers as people write them, written as Python does: ``1,024``, ``50 %``, ``5×10⁻⁴``, ``100K``, ``four``."""

from __future__ import annotations

import re
import unicodedata

from search_spaces.plan_import.commas import with_points
from search_spaces.words import words

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_FRACTIONS = {"½": "0.5", "¼": "0.25", "¾": "0.75"}
_WORDS = {
    word: str(number)
    for number, word in enumerate(
        words("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen")
    )
}
_MULTIPLES = {"thousand": 10**3, "million": 10**6, "k": 10**3, "m": 10**6}

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?(?![\w.]*\d)", re.I)
"""One number as Python writes it."""

OVERLONG = re.compile(r"\d{65,}")
"""Digits that nobody wrote as a number; every pattern of numbers would look at each part of them."""

TIMES = re.compile(
    r"(?<![\w.])(?P<factor>\d+(?:\.\d+)?)\s*(?:x|×)(?!\s*\d)(?![A-Za-z])|\b(?P<word>half|halve[sd]?|halving|doubl(?:e[sd]?|ing)|twice|"
    r"thrice|tripl(?:e[sd]?|ing)|quarter|quadrupl(?:e[sd]?|ing))\b",
    re.I,
)
"""A multiple of the baseline's own value."""

_FACTORS = {"hal": 0.5, "dou": 2, "twi": 2, "thr": 3, "tri": 3, "qua": 4}
"""By the first letters of the word; ``quarter`` is the one that shares them."""


_PRONOUN_ONE = re.compile(
    r"\b(?:an?|the|this|that|another|other|each|every|which|any)\s+(?:[a-z-]+\s+){0,3}one\b(?!\s+(?:head|block|layer|step))",
    re.I,
)
"""``a small one`` is no number."""


def without_pronoun_one(text: str) -> str:
    """Returns a text in which ``a small one`` is no number."""
    return _PRONOUN_ONE.sub(lambda at: at[0][:-3] + "it", text)


def plain_numbers(text: str) -> str:
    """Returns ``text`` with every number as Python writes it; words around them stay.

    Thousands lose their separator, percentages become shares, powers of ten exponents, K and M zeros, and the words
    for one to sixteen digits.
    """
    text = OVERLONG.sub(" overlong ", text)
    for sign, value in _FRACTIONS.items():
        text = text.replace(sign, value)
    text = re.sub(
        r"(?<=10)\s*\^?\s*[{(]?([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)[)}]?", lambda at: "^" + at[1].translate(_SUPERSCRIPTS), text
    )
    text = text.translate({ord("−"): "-", ord("\u202f"): " ", ord("\u2009"): " "})
    power = r"10\s*(?:\^|\*\*)\s*[{(]?\s*([-+]?\d+)\s*[)}]?"
    text = re.sub(rf"(\d+(?:\.\d+)?)\s*(?:[x×*·⋅]|\\times|\\cdot)\s*{power}", r"\1e\2", text)
    text = re.sub(rf"(?<![\w.]){power}", r"1e\1", text)
    text = with_points(text)
    text = re.sub(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,]*\d)", lambda at: at[0].replace(",", ""), text)
    text = re.sub(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d ]*\d)", lambda at: at[0].replace(" ", ""), text)
    text = re.sub(
        r"(?<![\w.])(\d+(?:\.\d+)?)\s*(?:%|percent\b|per cent\b)", lambda at: _short(float(at[1]) / 100), text
    )
    text = re.sub(
        r"(?<![\w.])(\d+(?:\.\d+)?)\s*(k|m|thousand|million)\b(?!\s*/)",
        lambda at: _many(at[1], at[2]),
        text,
        flags=re.I,
    )
    text = re.sub(r"(?<=\d) ?e ?(?=[-+]?\d+\b)", "e", text, flags=re.I)
    text = without_pronoun_one(text)
    return re.sub(rf"(?<![\w-])(?:{'|'.join(_WORDS)})\b(?!-)", lambda at: _WORDS[at[0].lower()], text, flags=re.I)


def numbers_in(text: str) -> list[float]:
    """Returns the numbers that a text holds, however they are written."""
    return [float(found.group()) for found in NUMBER.finditer(plain_numbers(text))]


def factor_in(text: str) -> float | None:
    """Returns the multiple of the baseline's value that ``text`` asks for (``2x``, ``half``), or None."""
    found = list(TIMES.finditer(text))
    if len(found) != 1:
        return None
    if found[0]["factor"]:
        return float(found[0]["factor"])
    word = found[0]["word"].lower()
    return 0.25 if word == "quarter" else _FACTORS[word[:3]]


_GREEK = "alpha|beta|gamma|delta|epsilon|eta|kappa|lambda|mu|rho|sigma|tau|theta"


def without_symbols(text: str) -> str:
    """Takes a leading symbol off a number: ``w =`` or ``β₂ =``. A word such as ``lr`` is read as one."""
    plain = unicodedata.normalize("NFKC", text)
    return re.sub(rf"^\s*(?:[a-z]|[α-ωΑ-Ω]|{_GREEK})(?:_?\d)?\s*[=:≈]\s*(?=[-+.\d])", "", plain, flags=re.I)


def _short(value: float) -> str:
    return f"{value:.12g}"


def _many(number: str, word: str) -> str:
    return _short(float(number) * _MULTIPLES[word.lower()])
