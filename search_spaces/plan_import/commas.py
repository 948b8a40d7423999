"""Commas and points inside of numbers that may mean more than one thing: ``0,001``, ``1,5``, ``64,128``, ``1.000``.

A comma between two digits may be that of a decimal, one between thousands, or one between two values. What nobody
writes is left out: a group of thousands does not begin with 0, and no value of a list does that has more digits. What
is left is decided by the axis, or asked about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis
from search_spaces.axes.number import GROUPED, NumberAxis
from search_spaces.profiles import Profile

_PAIR = re.compile(r"(?<![\w.,])[-+]?(?P<whole>\d+),(?P<rest>\d+)(?!\d)(?![.,]\d)")
"""Two groups of digits with a comma between them and no other one beside them."""

_SURE = re.compile(r"(?<![\w.,])(?:0,0\d+|\d+,0(?:\d|\d{3,}))(?!\d)(?![.,]\d)")
"""A pair that can only be a decimal: ``0,001``, ``1,05``, ``2,00``."""

_POINTED = re.compile(r"(?<![\w,])\d*\.\d")
"""A number with a decimal point; beside it a comma need be none."""

_RUN = re.compile(r"(?<![\w.,])\d+(?:,\d+){2,}(?!\d)(?![.,]\d)")
"""Groups of digits with more than one comma: ``2,4,8``, ``1,024,000``."""

_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")

_MARKED = re.compile(r"\d[.,]\d")

_HELD = "\ue000"
"""Stands for a comma that separates nothing while a text is split."""


def with_points(text: str) -> str:
    """Returns a text in which every comma that can only be a decimal's is a point."""
    return _SURE.sub(lambda at: at[0].replace(",", "."), text)


def guarded(text: str) -> str:
    """Returns a text in which no comma of a number that may be a decimal stands, so that it can be split at commas."""
    text = _listed(text)
    pairs = {found.start("rest") - 1 for found in _pairs(text)}
    return "".join(_HELD if at in pairs else char for at, char in enumerate(text)) if pairs else text


def unguarded(pieces: Sequence[str]) -> list[str]:
    """Returns the pieces of a text that was guarded, with their commas."""
    return [piece.replace(_HELD, ",") for piece in pieces]


def as_their_siblings(texts: list[str]) -> list[str]:
    """Returns items of one list with points for commas, where one of them can only be a decimal with a comma."""
    if not any(map(_SURE.search, texts)) or any(map(_POINTED.search, texts)):
        return texts
    return [_each(text, [found for found in _pairs(text) if not _SURE.search(found[0])], ".") for text in texts]


def items_of(text: str, axis: Axis) -> list[str]:
    """Returns the values of a text that is a pair of them, ``2,4``, where the axis has whole numbers only."""
    found = _PAIR.fullmatch(text.strip())
    if found is None or not isinstance(axis, NumberAxis) or axis.kind is not int or _SURE.search(text):
        return [text]
    return [text] if _is_grouped(found) else text.strip().split(",")


class TwoWays(UserError):
    """A number that may mean more than one thing.

    Attributes:
        ways: how each reading is written without a doubt.
    """

    def __init__(self, text: str, ways: Sequence[str]) -> None:
        self.ways = tuple(ways)
        super().__init__(f"{text!r} may be {' or '.join(ways)}")


def without_doubt(
    text: str, axis: Axis, baseline: TrialConfig, profile: Profile, values: Callable[[str], tuple[Any, ...]]
) -> str:
    """Returns a text with its numbers as Python writes them where a comma or point in them may mean several things.

    Args:
        text: an item of a plan.
        axis: what it is read as a value of.
        baseline: the configuration whose value of it tells how large values are.
        profile: the baseline's profile.
        values: the values that a text without a doubt has; none where it has none that are possible.

    Raises:
        TwoWays: more than one meaning is possible.
    """
    if not isinstance(axis, NumberAxis) or not _MARKED.search(text):
        return text
    if axis.kind is int and (found := GROUPED.search(text)) is not None:
        raise _with_points_between(text, found[0])
    text = _listed(with_points(as_their_siblings([text])[0]))
    text = _each(text, [found for found in _PAIR.finditer(text) if _is_held(text, found)], ", ")
    pairs = _pairs(text)
    if axis.kind is int and (run := _RUN.search(text)) is not None and "0" not in re.findall(r",(\d)", run[0]):
        ways = [text.replace(run[0], run[0].replace(",", mark)) for mark in ("", ", ")]
        own = axis.current(baseline, profile)
        if _near(values(ways[1]), own) and not _near(values(ways[0]), own):
            raise TwoWays(text, ways)
    if not pairs:
        return text
    listed, decimal = _each(text, pairs, ", "), _each(text, pairs, ".")
    grouped = all(_is_grouped(found) for found in pairs)
    many = _each(text, pairs, "")
    if axis.kind is int:
        own = axis.current(baseline, profile)
        near = grouped and not any(found["rest"][0] == "0" for found in pairs) and _near(values(listed), own)
        if near and not _near(values(many), own):
            raise TwoWays(text, (many, listed))
        return text if grouped else listed
    possible = {values(way): way for way in ((many, decimal, listed) if grouped else (decimal, listed))}
    possible.pop((), None)
    if len(possible) > 1:
        raise TwoWays(text, tuple(possible.values()))
    return next(iter(possible.values()), decimal)


def mixed(texts: Sequence[str]) -> TwoWays | None:
    """Returns what is not clear of ``0,001`` and ``1.000`` in one list: a point beside decimal commas."""
    if not any(map(_SURE.search, texts)):
        return None
    pointed = ((text, found[0]) for text in texts if (found := GROUPED.search(text)) is not None)
    return next((_with_points_between(text, number) for text, number in pointed), None)


def _with_points_between(text: str, number: str) -> TwoWays:
    ways = [number.replace(".", "")]
    if re.fullmatch(r"\d+\.000", number):
        ways.insert(0, number.partition(".")[0])
    return TwoWays(text, [text.replace(number, way) for way in ways])


def _listed(text: str) -> str:
    """A text with spaces in ``32,64,128``, which can only be a list."""
    return _RUN.sub(lambda at: at[0] if _THOUSANDS.fullmatch(at[0]) else at[0].replace(",", ", "), text)


def _pairs(text: str) -> list[re.Match[str]]:
    """The pairs of a text that may be decimals; ``(0,1)`` is an interval."""
    return [found for found in _PAIR.finditer(text) if not _is_held(text, found)]


def _is_held(text: str, found: re.Match[str]) -> bool:
    """Whether a pair is all that stands in brackets, and may be none that can only be a decimal."""
    before, after = text[: found.start()].rstrip()[-1:], text[found.end() :].lstrip()[:1]
    return f"{before}{after}" in ("[]", "()", "{}", "[)", "(]") and not _SURE.match(text, found.start("whole"))


def _is_grouped(found: re.Match[str]) -> bool:
    return len(found["rest"]) == 3 and len(found["whole"]) < 4 and found["whole"][0] != "0"


def _each(text: str, pairs: Sequence[re.Match[str]], mark: str) -> str:
    for found in reversed(pairs):
        at = found.start("rest") - 1
        text = text[:at] + mark + text[at + 1 :]
    return text


_FAR = 8
"""Beyond so many times the baseline's value, or below such a part of it, a value is not near."""


def _near(values: Sequence[Any], own: Any) -> bool:
    """Whether all values are of the size of the baseline's own."""
    return bool(values) and bool(own) and all(own / _FAR <= value <= own * _FAR for value in values)
