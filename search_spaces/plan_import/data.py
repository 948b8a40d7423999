"""Entries from plain data: JSON, JSON lines or YAML, with labels in any spelling and values in any nesting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from dit_core.errors import UserError
from search_spaces.axes import AXES
from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.labels import (
    ACTION,
    AXIS,
    METRICS,
    PART,
    REMARK,
    REPLACEMENT,
    TITLE,
    is_sure,
    kind_of,
)
from search_spaces.plan_import.written import Entry, WrittenPlan, clean
from search_spaces.study import Study
from search_spaces.words import words

_OF_A_STUDY = set(Study.model_fields) - {"name", "description", "baseline", "ablations"}
_FORM = ", ".join((PART, ACTION, REPLACEMENT, METRICS))
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
    "name",
    "title",
    "label",
)
_NAMES = ("name", "title", "label")
_ASIDE_KEYS = ("from", "note", "notes", "description", "why", "rationale", "comment", "details", "original", "baseline",
               "explanation", "detail", "default", "current")  # fmt: skip


def read_json(text: str, where: str) -> WrittenPlan:
    """Returns the plan in a JSON document: a list of entries, or an object that holds or is one.

    Raises:
        UserError: it is no JSON, gives a key twice, or is no plan.
    """
    return read_data(load_json(text, where), where)


def read_json_lines(text: str, where: str) -> WrittenPlan:
    """Returns the plan in a file with one entry, one list of entries or one plan per line."""
    plan = WrittenPlan()
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().strip(","):
            at = f"{where}: line {number}"
            try:
                item = _parsed(line.strip().rstrip(","), at)
            except json.JSONDecodeError as error:
                raise UserError(f"{at}: not valid JSON ({error.msg})") from None
            if isinstance(item, dict) and not any(key in _OF_A_STUDY for key in item) and not _has_entries(item):
                plan.entries.append(_entry(item, "", at))
            else:
                _find(item, "", plan, at)
    return plan


def load_json(text: str, where: str) -> Any:
    """Returns the data in a JSON document, in which no key may be given twice."""
    try:
        return _parsed(text, where)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})") from None


def _parsed(text: str, where: str) -> Any:
    """Reads JSON; what Python cannot hold is a mistake in the plan, and what is no JSON a ``JSONDecodeError``."""
    try:
        return json.loads(text, object_pairs_hook=partial(_once, where=where))
    except (json.JSONDecodeError, UserError):
        raise
    except ValueError:
        raise UserError(f"{where}: a number in it has more digits than can be read") from None
    except RecursionError:
        raise UserError(f"{where}: nested too deeply") from None


def read_data(data: Any, where: str) -> WrittenPlan:
    """Returns the plan in plain data.

    Raises:
        UserError: it is no plan.
    """
    if not isinstance(data, list | dict):
        raise UserError(f"{where}: not a plan; a plan is a list of objects with {_FORM}")
    if isinstance(data, dict) and (settings := sorted(_OF_A_STUDY & set(data))):
        raise UserError(
            f"{where}: {', '.join(settings)} belong to a study file, not to a plan; a study file ends in .yaml"
        )
    plan = WrittenPlan()
    _find(data, "", plan, where)
    return plan


def holds_entries(data: Any) -> bool:
    """Whether plain data holds an ablation in a plan's words anywhere (a study file's are in others)."""
    if isinstance(data, list):
        objects = {str(at): item for at, item in enumerate(data) if isinstance(item, dict)}
        return any(map(holds_entries, data)) or bool(_alike(objects))
    if not isinstance(data, dict):
        return False
    return _is_entry(data) or bool(_alike(data)) or any(map(holds_entries, data.values()))


def _alike(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The objects in an object that have the same shape, as a list of entries under their titles has."""
    flat = {key: value for key, value in data.items()
            if isinstance(value, dict) and value and not any(map(_holds_objects, value.values()))}  # fmt: skip
    keys = [key for value in flat.values() for key in value]
    shared = {key for key in keys if keys.count(key) > 1 and kind_of(key) != TITLE}
    found = {key: value for key, value in flat.items() if shared & set(value)}
    return found if len(found) > 1 else {}


_TWICE = "given twice"
"""Under what an entry keeps the keys that it has twice."""


def _once(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    twice: list[str] = []
    for key, value in pairs:
        if key in found:
            twice.append(key)
        found[key] = value
    if twice and not _is_entry(found):
        raise UserError(f"{where}: the key {twice[0]!r} is given twice in one object; give it once")
    return {**found, _TWICE: twice} if twice else found


def _is_entry(data: dict[str, Any]) -> bool:
    kinds = [kind_of(str(key)) for key, value in data.items() if not _holds_objects(value) or _is_part(key, value)]
    nested = [kind_of(str(key)) for key, value in data.items() if _holds_objects(value)]
    if PART in kinds:
        return True
    return ACTION in kinds or (REPLACEMENT in (*kinds, *nested) and (TITLE in kinds or METRICS in kinds))


def _is_part(key: Any, value: Any) -> bool:
    """Whether an object under a label of the part names it: ``{"name": "EMA decay", "current_value": 0.9999}``."""
    return kind_of(str(key)) == PART and isinstance(value, dict) and any(isinstance(value.get(n), str) for n in _NAMES)


def _holds_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _has_entries(data: dict[str, Any]) -> bool:
    return not _is_entry(data) and any(holds_entries(_unpacked(value)) for value in data.values())


def _unpacked(value: Any) -> Any:
    """Text that is JSON itself, as the data it holds."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _find(data: Any, title: str, plan: WrittenPlan, where: str) -> None:
    """Adds to ``plan`` every entry in ``data``, wherever the document keeps them."""
    if isinstance(data, list):
        for item in data:
            if isinstance(item, dict) and not _is_entry(item) and _has_entries(item):
                _find(item, "", plan, where)
            else:
                plan.entries.append(_entry(item, "", where))
    elif not isinstance(data, dict) or _is_entry(data):
        plan.entries.append(_entry(data, title, where))
    elif alike := _alike(data):
        for key, value in data.items():
            if key in alike:
                plan.entries.append(_entry(value, key, where))
            elif isinstance(value, dict | list):
                _find({key: value}, "", plan, where)
            else:
                plan.remarks.extend((key, text) for text in _texts(value))
    else:
        for key, value in data.items():
            inside = _unpacked(value)
            listed = isinstance(inside, list) and (holds_entries(inside) or _holds_objects(inside))
            if listed or (isinstance(inside, dict) and holds_entries(inside)):
                _find(inside, key, plan, where)
            elif kind_of(key) == TITLE and not plan.title and isinstance(value, str):
                plan.title = value
            else:
                plan.remarks.extend((key, text) for text in _texts(value))


def _entry(item: Any, title: str, where: str) -> Entry:
    if not isinstance(item, dict):
        raise UserError(f"{where}: {item!r} is not an entry; an entry is an object with {_FORM}")
    entry = Entry(title=title, twice=list(item.get(_TWICE, ())))
    item = {key: value for key, value in item.items() if key != _TWICE}
    titles = [key for key in item if kind_of(key) == TITLE]
    named = [key for key in titles if words(key)[-1:] not in (("id",), ("no",), ("number",), ("index",))]
    for key, value in _flattened(item):
        kind = kind_of(key)
        if kind == ACTION and isinstance(value, list) and not any(map(_acts, value)):
            kind = REPLACEMENT  # "treatments": what is tried, and not what is done
        if kind == TITLE and key in titles and named and key not in named:
            continue  # an identifier beside a title
        if kind == REPLACEMENT:
            entry.remarks.extend(_asides(value))
            for text in _items(value):
                if isinstance(value, str):
                    entry.put(REPLACEMENT, text)
                else:
                    entry.replacements.append(clean(text))
            if value is None or value == []:
                continue
        elif kind in (METRICS, PART, ACTION, TITLE, AXIS):
            for text in _texts(value):
                if isinstance(value, list) and kind == METRICS:
                    entry.metrics.append(clean(text))
                elif kind == ACTION or (kind == PART and not is_sure(key)):
                    entry.put_labelled(key, clean(text))
                else:
                    entry.put(kind, clean(text))
        elif kind == REMARK:
            entry.remarks.extend((key, text) for text in _texts(value))
        else:
            entry.unknown.extend((key, text) for text in _texts(value))
    return entry


def _acts(text: Any) -> bool:
    return isinstance(text, str) and bool(read_action(text).actions)


def _flattened(item: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The labels of an object and of the objects in it that hold labels themselves (``{"op": ..., "value": ...}``)."""
    for key, value in item.items():
        kind = kind_of(key)
        if _is_part(key, value):
            name = next(name for name in _NAMES if isinstance(value.get(name), str))
            yield key, value[name]
            yield from ((inner, item) for inner, item in value.items() if inner != name)
        elif isinstance(value, dict) and kind == METRICS:
            yield key, [text for inner in value.values() for text in _texts(inner)]
        elif isinstance(value, dict) and kind not in (REPLACEMENT, REMARK) and _is_labelled(value):
            yield from _flattened(value)
        else:
            yield key, value


def _is_labelled(value: dict[str, Any]) -> bool:
    kinds = [kind_of(key) for key in value]
    return len(value) > 1 and any(kind in (PART, ACTION, REPLACEMENT) for kind in kinds)


def _items(value: Any) -> Iterator[str]:
    """The items of a Replacement, as text: ``{"mlp_ratio": [2, 4]}`` is ``mlp_ratio = 2`` and ``mlp_ratio = 4``."""
    if value is None:
        return
    if isinstance(value, list):
        if len(value) == 2 and all(isinstance(item, list) for item in value):
            yield from (_text(item) for item in value)
            return
        for item in value:
            yield from _items(item)
    elif isinstance(value, dict):
        yield from _of_object(value)
    else:
        yield _text(value)


def _is_aside(key: str, item: Any) -> bool:
    """Whether an object's text explains its key, which is the value itself."""
    return isinstance(item, str) and key not in AXES and len(words(item)) > 3


def _is_explaining(key: str) -> bool:
    """Whether a key of a value's object opens an explanation, as ``why`` and ``keep`` do."""
    return key.strip().lower() in _ASIDE_KEYS or kind_of(key) == REMARK


def _asides(value: Any) -> Iterator[tuple[str, str]]:
    """What the objects of a Replacement say beside their values, as (label, text)."""
    if isinstance(value, list):
        for item in value:
            yield from _asides(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if _is_explaining(key) or _is_aside(key, item):
                yield from ((key, text) for text in _texts(item))


def _of_object(value: dict[str, Any]) -> Iterator[str]:
    lowered = {str(key).strip().lower(): item for key, item in value.items()}
    if {"min", "max"} <= lowered.keys() or {"low", "high"} <= lowered.keys() or {"start", "stop"} <= lowered.keys():
        ends = [lowered[key] for key in ("min", "low", "start", "max", "high", "stop") if key in lowered]
        more = {key: item for key, item in lowered.items() if item not in ends}
        yield f"from {_text(ends[0])} to {_text(ends[-1])}" + (f" ({_text(more)})" if more else "")
        return
    wanted = [key for key in _VALUE_KEYS if key in lowered]
    wanted += [key for key in lowered if key not in wanted and kind_of(key) == REPLACEMENT]
    if wanted:
        main = wanted[0] if lowered[wanted[0]] is not None else wanted[-1]
        rest = {key: item for key, item in value.items()
                if key.strip().lower() not in (main, *_NAMES) and not _is_explaining(key)}  # fmt: skip
        yield from _items(lowered[main])
        if rest:
            yield from _of_object(rest)
        return
    for key, item in value.items():
        if item is None or _is_aside(key, item):
            yield key
        elif isinstance(item, list):
            yield from (f"{key} = {_text(one)}" for one in item)
        else:
            yield f"{key} = {_text(item)}"


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(end, int | float) for end in value):
        return f"{value[0]}-{value[1]}"
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _texts(value: Any) -> Iterator[str]:
    if value is None:
        return
    for item in value if isinstance(value, list) else [value]:
        yield item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
