"""What a table's cell is sorted by: the number that it begins with, whatever unit it is written in."""

from __future__ import annotations

import re

from service.analysis.numbers import MINUS

_NUMBER = re.compile(
    r"(?:< ?)?([+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)\s*(min|[kMGTPEZY]?MACs|[kMG](?![a-z])|[hs](?![a-z]))?"
)
_UNITS = {
    "k": 1e3, "M": 1e6, "G": 1e9, "s": 1.0, "min": 60.0, "h": 3600.0, "MACs": 1.0, "GMACs": 1e9, "TMACs": 1e12,
    "PMACs": 1e15, "EMACs": 1e18, "ZMACs": 1e21, "YMACs": 1e24,
}  # fmt: skip


def sort_key(text: str) -> str:
    """Returns what a cell is sorted by, as text that JavaScript reads as a number; empty where it begins with none.

    The numbers are those of ``service.analysis.numbers``: ``12.3 ± 0.4``, ``−1.73 [−2.9, −0.4]``, ``675.1M``,
    ``3 min 20 s``, ``36.4 EMACs``, ``38 %``, ``< 0.0001``.
    """
    found = _NUMBER.match(text.strip().replace(MINUS, "-"))
    if found is None:
        return ""
    value = float(found[1].replace(",", "")) * _UNITS.get(found[2] or "", 1.0)
    if found[2] in ("min", "h"):
        rest = _NUMBER.match(text.strip()[found.end() :].strip())
        if rest is not None and rest[2] in ("min", "s"):
            value += float(rest[1]) * _UNITS[rest[2]]
    return f"{value:.15g}"
