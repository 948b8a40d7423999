"""Which of the product's entries is which entry of the corpus: by their names, then by their order."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import Any

_LEAD = re.compile(
    r"^(?:(?:ablation|study|experiment|test)\s+)?(?:[a-z]?\d+(?:\.\d+)*|[ivx]+|[a-z])\s*[.):–—-]+\s+", re.I
)
_LEAD_WORD = re.compile(r"^(?:ablation|study|experiment)\s+(?:\d+|[a-z])\b\s*[.:–—-]*\s*(?=\S)", re.I)
_COPY = re.compile(r"\s*\(\d+\)$")


def norm(text: str) -> str:
    """A name without case, accents, emphasis, punctuation, numbering and the mark of a copy."""
    text = _COPY.sub("", text.strip().strip("*_#` "))
    bare = _LEAD_WORD.sub("", _LEAD.sub("", text)) or text
    plain = unicodedata.normalize("NFKD", bare).casefold()
    return " ".join(re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c))))


def likeness(name: str, entry: dict[str, Any]) -> float:
    """How much a name of the product's reads like an expected entry, in 0..1."""
    said, best = norm(name), 0.0
    for other in (str(entry["entry"]), *map(str, entry.get("names", ()))):
        wanted = norm(other)
        if not said or not wanted:
            continue
        if said == wanted:
            return 1.0
        short, long = sorted((said, wanted), key=len)
        if len(short) >= 6 and f" {short} " in f" {long} ":
            best = max(best, 0.9)
        if len(short) >= 6:
            best = max(best, difflib.SequenceMatcher(None, said, wanted).ratio())
    return best


def assign(names: list[str], entries: list[dict[str, Any]]) -> dict[str, int]:
    """Name of the product's -> index of the expected entry. Several names may belong to one entry."""
    given: dict[str, int] = {}
    taken: set[int] = set()
    for name in names:  # exact first, in order, so that entries of one part keep their order
        exact = [i for i, entry in enumerate(entries) if likeness(name, entry) == 1.0]
        free = [i for i in exact if i not in taken]
        if exact:
            given[name] = (free or exact)[0]
            taken.add(given[name])
    for name in names:
        if name not in given:
            scored = sorted(((likeness(name, entry), -i) for i, entry in enumerate(entries)), reverse=True)
            if scored and scored[0][0] >= 0.75:
                given[name] = -scored[0][1]
                taken.add(given[name])
    rest, left = [n for n in names if n not in given], [i for i in range(len(entries)) if i not in taken]
    if len(rest) == len(left):  # by their order, where the entries around them agree
        whole = {**given, **dict(zip(rest, left, strict=True))}
        order = [whole[name] for name in names]
        if order == sorted(order):
            return whole
    return given
