"""Objects of which each is one arm: ``{"narrow": {"hidden_size": 36}, "wide": {"hidden_size": 144}}``.

The key of such an object, or its name, only calls the arm something; what it sets is the value. Several settings of
one object are set together, so that they are one item and not a list of values for each axis.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from search_spaces.axes import axis_called
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.labels import kind_of
from search_spaces.plan_import.roles import share_of_values
from search_spaces.plan_import.stems import STOP_STEMS, stems
from search_spaces.words import words

VARIANT = "variant"
"""Under what the name of an arm is kept that stands beside its settings."""


@dataclass(frozen=True)
class Variant:
    """An object that is one arm.

    Attributes:
        text: what it sets: ``guidance_scale = 1.5, interval = 0.0-0.7``.
        name: what it is called, where that is no value.
        settings: the keys of what it sets.
    """

    text: str
    name: str
    settings: tuple[str, ...]


def variant_of(value: dict[str, Any], key: str, name: str, beside: Callable[[str, Any], bool]) -> Variant | None:
    """Returns the arm that an object is; None where it is none, or has to be read key by key.

    Args:
        value: the object.
        key: under what it stands; empty for an item of a list.
        name: what it calls itself; may be empty.
        beside: whether one of its keys, with what stands there, is no setting.
    """
    settings = {one: item for one, item in value.items() if not beside(one, item)}
    if not settings or not all(map(_is_one, settings.values())):
        return None
    if not (key or name) and any(isinstance(item, list) for item in settings.values()):
        return None  # lists of values
    axes = [axis.name for one in settings if (axis := axis_called(one)) is not None]
    several = len(settings) > 1
    if several and not key and (len(axes) < len(settings) or len(set(axes)) < len(axes)):
        return None  # "kernel" and "stride" may be two of anything
    if not several and not key and (not name or kind_of(next(iter(settings))) is not None):
        return None
    texts = [_said(one, item, bare=not several) for one, item in settings.items()]
    called = key or name
    silent = _repeats(called, texts)
    if not (silent or {*words(called)} <= _DEGREES) and share_of_values(called.replace("_", " ")):
        return None  # its name is a value itself
    if not key and not several and not share_of_values(_text(next(iter(settings.values())))):
        return None
    return Variant(", ".join(texts), "" if silent else called, tuple(settings))


def names_more(name: str, settings: tuple[str, ...]) -> bool:
    """Whether the name of an arm may say more than what it sets: ``no dropout``, of a learning rate."""
    mine = {axis.name for key in settings if (axis := axis_called(key)) is not None}
    if {*words(name)} <= _DEGREES:
        return False
    said = [score for score in evidence([("", name.replace("_", " "), 1.0)]) if score.text >= _SPEAKS]
    return bool(said) and not mine & {score.candidate.name for score in said}


_SPEAKS = 1.0

_DEGREES = frozenset(words(
    "low lower high higher small smaller large larger big bigger tiny huge mid middle medium moderate light heavy weak "
    "strong mild harsh short shorter long longer early late soft hard slow fast aggressive conservative gentle extreme "
    "minimal maximal base very a b c d"
))  # fmt: skip
"""Words of names that only tell how much of it there is."""

_SET = re.compile(r"(?<![\w-])(?P<key>[A-Za-z][A-Za-z_]*(?: [A-Za-z]+)?)(?=\s*=)")


def spelled_out(text: str, about: str) -> str:
    """Several settings with the whole names of their axes: ``guidance_scale = 1.5, guidance interval = 0-0.7``.

    What one setting is called may be the end of a name whose start the part says, or another setting.
    """
    keys = [found["key"] for found in _SET.finditer(text)]
    if len(keys) < 2:
        return text
    starts = dict.fromkeys(words(" ".join((about, *keys))))

    def whole(found: re.Match[str]) -> str:
        if axis_called(found["key"]) is not None and len(words(found["key"])) > 1:
            return found["key"]
        before = [start for start in starts if start not in words(found["key"])]
        named = {axis.name for start in before if (axis := axis_called(f"{start} {found['key']}")) is not None}
        return named.pop() if len(named) == 1 else found["key"]

    return _SET.sub(whole, text)


def _is_one(item: Any) -> bool:
    """Whether a key holds one value: a text, a number, or the two ends of an interval."""
    ends = isinstance(item, list) and len(item) == 2 and all(isinstance(end, int | float) for end in item)
    return ends or isinstance(item, str | int | float)


def _said(key: str, item: Any, bare: bool) -> str:
    text = _text(item)
    return text if bare and kind_of(key) is not None else f"{key} = {text}"


def _text(item: Any) -> str:
    if isinstance(item, bool):
        return "on" if item else "off"
    if isinstance(item, list):
        return f"{item[0]}-{item[1]}"
    return item if isinstance(item, str) else json.dumps(item)


def _repeats(name: str, texts: list[str]) -> bool:
    said = {word for text in texts for word in stems(text)}
    return {*stems(name.replace("_", " "))} - STOP_STEMS <= said
