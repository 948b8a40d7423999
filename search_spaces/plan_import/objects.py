"""Objects in the place of values or metrics: ``{"variants": [{"label": "p=4", "description": "T = 64 tokens"}]}``.

Every key of such an object is a value, a name, or says something beside its value. What it says beside is a remark,
unless it is needed to know the value: then it stays with the name, in brackets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from search_spaces.axes import AXES, Axis, all_axes, axis_called
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.described import joins_a_change, sets_another
from search_spaces.plan_import.evidence import evidence
from search_spaces.plan_import.joined import axes_named
from search_spaces.plan_import.labels import METRICS, PART, REMARK, REPLACEMENT, is_kept, kind_of
from search_spaces.plan_import.measures import is_metric
from search_spaces.plan_import.numerals import numbers_in
from search_spaces.plan_import.roles import share_of_values
from search_spaces.plan_import.stems import stems
from search_spaces.plan_import.told_labels import may_be_value
from search_spaces.plan_import.variants import VARIANT, Variant, names_more, variant_of
from search_spaces.words import words

NAMES = ("name", "title", "label")
"""Keys of what something is called, which may be the value itself."""

METHODS = ("method", "approach", "technique", "strategy", "scheme", "mechanism")
"""Keys of how it is done: the value itself, or the title of the values beside it; the key is never a value."""

IDENTIFIERS = ("id", "no", "number", "index", "key")
"""Keys of what something is counted by, which is no value where anything else is."""

_VALUE_KEYS = (
    "kind",
    "to",
    "values",
    "value",
    "options",
    "option",
    "variant",
    "with",
    "new",
    "alternatives",
    *METHODS,
    *NAMES,
)
DETAILS = ("description", "details", "detail", "explanation", "summary", "definition", "meaning")
_ASIDE_KEYS = ("from", "note", "notes", *DETAILS, "why", "rationale", "comment", "original", "baseline", "default",
               "current", "unit", "units")  # fmt: skip
_SORTS = re.compile(
    r"(?:categor|discrete|continu|numeric|enum|choice|list|sets?$|grid|rang|sweep|int(?:eger)?s?$|floats?$|str(?:ing)?s?$"
    r"|bool|single|multiple|values?$|options?$|variants?$|alternatives?$|ordinal|architectur|hyper-?param)",
    re.I,
)
"""What a key ``type`` says that tells only how values are written down."""

_COUNTED = re.compile(
    r"^(?:variants?|options?|arms?|settings?|configurations?|configs?|levels?|candidates?|alternatives?|choices?|cases?|"
    r"runs?|conditions?|versions?|treatments?)[\s_#-]*(?:\w|\d{1,2})$",
    re.I,
)
"""A name that only counts: ``Variant B``."""

_SMALL = frozenset((1.0, 2.0, 3.0))
"""Numbers that count parts in a description, as in ``two layers``."""


_PROTOCOL = re.compile(
    r"direction|better|protocol|sampl|images?$|data_?set|resolution|split|frequen|interval|seed|unit|setup|tool|steps?$|cfg|"
    r"guidance|checkpoint|hardware|weights?$",
    re.I,
)
"""Keys of how something is measured."""


def items(value: Any) -> Iterator[str]:
    """The items of a Replacement, as text: ``{"mlp_ratio": [2, 4]}`` is ``mlp_ratio = 2`` and ``mlp_ratio = 4``."""
    if value is None:
        return
    if isinstance(value, list):
        if len(value) == 2 and all(isinstance(item, list) for item in value):
            yield from (_text(item) for item in value)
            return
        counted = _are_counted(value)
        for item in value:
            yield from _of_object(item, counted) if isinstance(item, dict) else items(item)
    elif isinstance(value, dict):
        for key, item in _named(value):
            yield from _of_object(item, key=key)
        if not _named(value):
            yield from _of_object(value)
    else:
        yield _text(value)


def asides(value: Any) -> Iterator[tuple[str, str]]:
    """What the objects of a Replacement say beside their values, as (label, text); not all of it need be a remark."""
    if isinstance(value, list):
        counted = _are_counted(value)
        for item in value:
            yield from _beside(item, counted) if isinstance(item, dict) else asides(item)
    elif isinstance(value, dict):
        for key, item in _named(value):
            yield from _beside(item, key=key)
        if not _named(value):
            yield from _beside(value)


def changes_more(label: str, text: str) -> bool:
    """Whether what describes a value may say that something else is changed as well: ``also doubles the rate``."""
    if label.strip().lower() in (*METHODS, VARIANT):
        return True  # unless it is the title of its values
    if label.strip().lower() not in (*DETAILS, "note", "notes", "comment"):
        return False
    numbers = {number for number in numbers_in(text) if not 1900 <= number <= 2100} - _SMALL
    detailed = label.strip().lower() in DETAILS  # a note may tell of anything
    if joins_a_change(text) or (detailed and sets_another(text)):
        return True
    return bool(detailed and numbers and axes_named(text))


def metrics_of(value: Any) -> Iterator[tuple[str, str]]:
    """The metrics in a list or an object, as (label ``Metrics``, text), and what is said beside them under its key."""
    if isinstance(value, list):
        for item in value:
            yield from metrics_of(item) if isinstance(item, dict | list) else ((METRICS, text) for text in texts(item))
    elif isinstance(value, dict):
        for key, item in value.items():
            aside = isinstance(item, bool | int | float) or kind_of(key) == REMARK or bool(_PROTOCOL.search(key))
            if aside and not any(isinstance(one, str) and is_metric(one) for one in _listed(item)):
                yield from ((key, text) for text in texts(item))
            else:
                yield from metrics_of(item)
    else:
        yield from ((METRICS, text) for text in texts(value))


def texts(value: Any) -> Iterator[str]:
    """The texts of a label that holds no values; objects as JSON."""
    if value is None:
        return
    for item in _listed(value):
        yield item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def of_several_axes(value: Any) -> str:
    """The objects of which each changes something else, or more than its axis, as text; empty where none does.

    ``[{"name": "wide", "hidden_size": 2048}, {"name": "p4", "patch_size": 4}]`` is no list of values of one axis, and
    ``{"name": "deeper model", "patch_size": 8}`` may change two.
    """
    named = [item for item in _listed(value) if isinstance(item, dict) and isinstance(_name(item), str)]
    keys = [frozenset(key for key in item if key in AXES) for item in named]
    if len(named) > 1 and len(set(keys)) > 1 and all(keys):
        return _text(named)
    pairs = [(item, next(iter(axes))) for item, axes in zip(named, keys, strict=True) if len(axes) == 1]
    more = [item for item, axis in pairs if _is_more(str(_name(item)), axis)]
    return _text(more) if more else ""


def _is_more(name: str, axis: str) -> bool:
    """Whether the name beside the value of an axis is no value and speaks of another axis."""
    return (share_of_values(name) == 0 or bool(_TURNED.search(name))) and _speaks(name, axis)


_TURNED = re.compile(
    r"\b(?:deeper|wider|larger|bigger|smaller|shallower|narrower|half|halved|doubled?|no|without|more|fewer|less)\b",
    re.I,
)
"""What makes more of a name than a value."""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _named(value: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The objects in an object that holds one for each value, with their keys; empty where it does not."""
    own = [key for key in value if key.lower() in _VALUE_KEYS or kind_of(key) == REPLACEMENT or axis_called(key)]
    if own or not all(isinstance(item, dict) and item for item in value.values()):
        return []
    return list(value.items())


def _are_counted(value: list[Any]) -> bool:
    """Whether the names of a list's objects only count them: ``A`` and ``B``, ``V1`` and ``V2``, ``Option 1``."""
    names = [str(name) for item in value if isinstance(item, dict) and (name := _name(item)) is not None]
    if not names or len(names) < len(value):
        return False
    if all(map(_COUNTED.match, names)):
        return True
    ends = [re.fullmatch(r"\(?([A-Za-z]{0,4}[\s_-]?)(?:(\d{1,2})|([A-Za-z]))[.)]?", name) for name in names]
    if len(ends) < 2 or not all(ends) or len({end[1].lower() for end in ends if end is not None}) > 1:
        return False
    if all(end is not None and end[1] and end[2] for end in ends):
        counts = [int(end[2]) for end in ends if end is not None]
    elif all(end is not None and end[3] for end in ends):
        counts = [ord(end[3].lower()) - ord("a") + 1 for end in ends if end is not None]
    else:
        return False
    return counts[0] in (0, 1) and all(after == before + 1 for before, after in pairwise(counts))


def _name(value: dict[str, Any]) -> Any:
    return next((value[key] for key in value if key.lower() in NAMES and isinstance(value[key], str | int)), None)


def _is_aside(key: str, item: Any) -> bool:
    """Whether an object's text explains its key, which is the value itself."""
    return isinstance(item, str) and key not in AXES and len(words(item)) > 3


def _is_explaining(key: str, item: Any) -> bool:
    """Whether a key of a value's object opens an explanation, as ``why`` and ``keep`` do."""
    low = key.strip().lower()
    if low in ("type", "kind", "format") and isinstance(item, str) and _SORTS.match(item.strip()):
        return True
    if is_kept(key) and not may_be_value(words(key)):
        return True
    return low in _ASIDE_KEYS or (kind_of(key) == REMARK and not share_of_values(key))  # "in-context" is a value


def _in_brackets(value: dict[str, Any], main: str) -> list[str]:
    """The keys of descriptions that stay with a name that is no value, because they tell it."""
    name = value[main]
    if main.strip().lower() not in (*NAMES, *METHODS) or not isinstance(name, str) or share_of_values(name):
        return []
    told = [key for key, item in value.items() if key.strip().lower() in DETAILS and isinstance(item, str)]
    return [key for key in told if share_of_values(_AND.sub(", ", value[key])) and not joins_a_change(value[key])]


_AND = re.compile(r"\s+(?:and|or)\s+", re.I)


_SETS = ("values", "value", "options", "option", "variants", "alternatives", "settings", "candidates", "choices")
"""Keys under which values stand, whatever else does."""


def _is_title(key: str, value: dict[str, Any]) -> bool:
    """Whether a method only says of which sort the values beside it are: ``Alternative activations``."""
    text = value[key]
    if key.strip().lower() not in METHODS or not isinstance(text, str):
        return False
    beside = [other for other in value if other.strip().lower() in _SETS and value[other] not in (None, [], "")]
    return bool(beside) and share_of_values(text) == 0


def _plan(value: dict[str, Any], counted: bool) -> tuple[str | None, list[str], list[str], list[str]]:
    """Key of the value, keys that stay with it, keys of remarks, and keys that hold more values."""
    lowered = {key.strip().lower(): key for key in value}
    wanted = [lowered[key] for key in _VALUE_KEYS if key in lowered]
    listed = any(key in _SETS for key in lowered) or any(key in AXES for key in value)
    aside = [key for key, item in value.items() if _is_explaining(key, item) or (listed and is_kept(key))]
    wanted = [key for key in wanted if key not in aside]
    wanted += [key for key in value if key not in wanted and key not in aside and kind_of(key) == REPLACEMENT]
    if not [key for key in wanted if value[key] is not None]:
        wanted += [key for key in value if kind_of(key) == PART and isinstance(value[key], str)]
    details = [key for key in value if key.strip().lower() in DETAILS and isinstance(value[key], str)]
    names = [key for key in value if key.strip().lower() in (*NAMES, *IDENTIFIERS) or _is_title(key, value)]
    told = [key for key in wanted if key not in names and value[key] is not None]
    if details and not told and (not wanted or counted) and (names or len(aside) == len(value)):
        wanted = details[:1]  # "Variant A" says nothing, what it is does
    if not wanted:
        return None, [], aside, [key for key in value if key not in aside]
    main = wanted[0] if value[wanted[0]] is not None else wanted[-1]
    others = [key for key in value if key not in (main, *names, *aside)]
    silent = main in names and share_of_values(_text(value[main])) == 0 and not _speaks(_text(value[main]))
    if silent and len(others) == 1 and others[0] in AXES:
        main, others = others[0], []  # a name beside the value of an axis
    kept = _in_brackets(value, main)
    said = [key for key in (*names, *aside) if key != main and key not in kept]
    return main, kept, said, others


def _variant(value: dict[str, Any], counted: bool, key: str) -> Variant | None:
    """The arm that an object is, where its settings are to be read together."""
    name = _name(value)
    called = "" if name is None or counted else str(name)
    return variant_of(value, key if name is None else "", called, _is_no_setting)


def _is_no_setting(key: str, item: Any) -> bool:
    low = key.strip().lower()
    return low in (*NAMES, *IDENTIFIERS, *DETAILS) or _is_explaining(key, item)


def _beside(value: dict[str, Any], counted: bool = False, key: str = "") -> Iterator[tuple[str, str]]:
    if (variant := _variant(value, counted, key)) is not None:
        if variant.name:
            yield VARIANT if names_more(variant.name, variant.settings) else "name", variant.name
        yield from (
            (said, text) for said in value if said not in (*variant.settings, *NAMES) for text in texts(value[said])
        )
        return
    value = {"name": key, **value} if key and _name(value) is None else value
    main, _, said, _ = _plan(value, counted)
    for key in value:
        if key in said:
            yield from ((key, text) for text in texts(value[key]))
        elif isinstance(value[key], dict | list):
            yield from asides(value[key])
        elif main is None and _is_aside(key, value[key]):
            yield from ((key, text) for text in texts(value[key]))


def _of_object(value: dict[str, Any], counted: bool = False, key: str = "") -> Iterator[str]:
    if (variant := _variant(value, counted, key)) is not None:
        yield variant.text
        return
    value = {"name": key, **value} if key and _name(value) is None else value
    lowered = {str(key).strip().lower(): item for key, item in value.items()}
    for low, high in (("min", "max"), ("low", "high"), ("start", "stop"), ("start", "end")):
        if {low, high} <= lowered.keys():
            more = {key: item for key, item in value.items()
                    if key.strip().lower() not in (low, high) and not _is_explaining(key, item)}  # fmt: skip
            step = more.pop("step", None)
            by = f" in steps of {_text(step)}" if step is not None else ""
            rest = f" ({_text(more)})" if more else ""
            yield f"values from {_text(lowered[low])} to {_text(lowered[high])}{by}{rest}"
            return
    if point := _point(value):
        yield point
        return
    main, kept, _, others = _plan(value, counted)
    if main is not None:
        if main in AXES:
            yield from _keyed(main, value[main])
        else:
            of = next((key for key in others if kind_of(key) == PART and isinstance(value[key], str)), None)
            others = [key for key in others if key != of]
            beside = [key for key in others if _is_setting(value[key])] if _is_named_value(value, main) else []
            others = [key for key in others if key not in beside]
            for text in items(value[main]):
                behind = "".join(f" ({value[key]})" for key in kept)
                behind += "".join(f" with {value[key]} {key.replace('_', ' ')}" for key in beside)
                yield f"{value[of]} = {text}{behind}" if of is not None else f"{text}{behind}"
        if others:
            yield from _of_object({key: value[key] for key in others})
        return
    for key in others:
        yield from _keyed(key, value[key])


def _point(value: dict[str, Any]) -> str:
    """An object that sets two axes or more to one value each, as one item: ``sampler = DDIM; steps = 50``."""
    set_here = {key: item for key, item in value.items() if not _is_explaining(key, item) and key.lower() not in NAMES}
    axes = [axis for key in set_here if (axis := axis_called(key) or _of_a_unit(key)) is not None]
    plain = all(isinstance(item, str | int | float) for item in set_here.values())
    if len(axes) < 2 or len(axes) < len(set_here) or not plain or len({axis.fields for axis in axes}) < len(axes):
        return ""
    return "; ".join(f"{key.replace('_', ' ')} = {_text(item)}" for key, item in set_here.items())


def _of_a_unit(key: str) -> Axis | None:
    """The one axis of sampling that is counted in what a key names: ``steps``."""
    said = stems(key)
    found = [axis for axis in all_axes() if isinstance(axis, NumberAxis) and axis.group == "sampling"
             and any(stems(unit) == said for unit in axis.units)]  # fmt: skip
    return found[0] if len(found) == 1 else None


def _speaks(text: str, axis: str = "") -> bool:
    """Whether a name speaks of an axis, so that it may be a change of its own: ``no dropout``."""
    return any(score.text >= 1.0 and score.candidate.name != axis for score in evidence([("", text, 1.0)])[:1])


def _is_setting(item: Any) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)


def _is_named_value(value: dict[str, Any], main: str) -> bool:
    """Whether an object's name is a value itself, so that its numbers belong to it: DDIM, of 50 steps."""
    named = main.strip().lower() in (*NAMES, *METHODS)
    return named and isinstance(value[main], str) and bool(share_of_values(value[main]))


def _keyed(key: str, item: Any) -> Iterator[str]:
    if item is None or _is_aside(key, item):
        yield key
    elif isinstance(item, list):
        yield from (f"{key} = {_text(one)}" for one in item)
    elif isinstance(item, dict):
        yield from (f"{key} = {text}" for text in items(item))
    else:
        yield f"{key} = {_text(item)}"


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(end, int | float) for end in value):
        return f"{value[0]}-{value[1]}"
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
