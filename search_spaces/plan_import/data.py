"""Entries from plain data: JSON, JSON lines or YAML, with labels in any spelling and values in any nesting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from dit_core.errors import UserError
from search_spaces.plan_import.actions import read_action
from search_spaces.plan_import.decisions import kind_under
from search_spaces.plan_import.labels import (
    ACTION,
    AXIS,
    METRICS,
    PART,
    REMARK,
    REPLACEMENT,
    STATUS,
    TITLE,
    is_sure,
    kind_of,
)
from search_spaces.plan_import.objects import NAMES, asides, changes_more, items, metrics_of, of_several_axes, texts
from search_spaces.plan_import.off_words import is_state
from search_spaces.plan_import.pairs import WITHOUT, side_of
from search_spaces.plan_import.written import Entry, WrittenPlan, clean
from search_spaces.study import Study
from search_spaces.words import words

_OF_A_STUDY = set(Study.model_fields) - {"name", "description", "baseline", "ablations"}
_FORM = ", ".join((PART, ACTION, REPLACEMENT, METRICS))


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
    if any(_lists_entries(key, value) for key, value in data.items()):
        return False
    kinds = [kind_of(str(key)) for key, value in data.items() if not _holds_objects(value) or _is_part(key, value)]
    nested = [kind_of(str(key)) for key, value in data.items() if _holds_objects(value)]
    if PART in kinds:
        return True
    return ACTION in kinds or (REPLACEMENT in (*kinds, *nested) and (TITLE in kinds or METRICS in kinds))


def _lists_entries(key: Any, value: Any) -> bool:
    """Whether a label holds the entries of a plan, and not what one entry tries or measures."""
    if not isinstance(value, list | dict) or kind_of(str(key)) not in (None, TITLE):
        return False
    if isinstance(value, dict):  # by their names
        return bool(value) and all(isinstance(item, dict) and _names_part(item) for item in value.values())
    return len(value) > 1 and all(isinstance(item, dict) and _names_part(item) for item in value)


def _names_part(data: dict[str, Any]) -> bool:
    """Whether an object names a part, and something to do or to try."""
    kinds = {kind_of(str(key)) for key in data}
    return PART in kinds and bool({ACTION, REPLACEMENT} & kinds)


def _is_part(key: Any, value: Any) -> bool:
    """Whether an object under a label of the part names it: ``{"name": "EMA decay", "current_value": 0.9999}``."""
    return kind_of(str(key)) == PART and isinstance(value, dict) and bool(_names_in(value))


def _names_in(value: dict[str, Any]) -> list[str]:
    """The keys under which an object of a part says what it is, the plainest first."""
    named = [key for key, item in value.items() if isinstance(item, str) and key.lower() in NAMES]
    return named + [key for key, item in value.items() if isinstance(item, str) and kind_of(key) == PART]


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
                plan.remarks.extend((key, text) for text in texts(value))
    else:
        for key, value in data.items():
            inside = _unpacked(value)
            listed = isinstance(inside, list) and (holds_entries(inside) or _holds_objects(inside))
            if listed or (isinstance(inside, dict) and holds_entries(inside)):
                first = len(plan.entries)
                _find(inside, key, plan, where)
                if is_state(" ".join(words(key))):
                    for entry in plan.entries[first:]:
                        entry.remarks.append((STATUS, key))
            elif kind_of(key) == TITLE and not plan.title and isinstance(value, str):
                plan.title = value
            else:
                plan.remarks.extend((key, text) for text in texts(value))


def _entry(item: Any, title: str, where: str) -> Entry:
    if not isinstance(item, dict):
        raise UserError(f"{where}: {item!r} is not an entry; an entry is an object with {_FORM}")
    entry = Entry(title=title, twice=list(item.get(_TWICE, ())))
    item = {key: value for key, value in item.items() if key != _TWICE}
    titles = [key for key in item if kind_of(key) == TITLE]
    named = [key for key in titles if words(key)[-1:] not in (("id",), ("no",), ("number",), ("index",))]
    paired = any(side_of(key) == WITHOUT for key in item)
    for key, value in _flattened(item):
        if paired and side_of(key) and isinstance(value, str):
            entry.unknown.append((key, clean(value)))
            continue
        kind = kind_under(key, value) if isinstance(value, str) else kind_of(key)
        if kind == ACTION and isinstance(value, list) and not any(map(_acts, value)):
            kind = REPLACEMENT  # "treatments": what is tried, and not what is done
        if kind == TITLE and key in titles and named and key not in named:
            continue  # an identifier beside a title
        if kind == REPLACEMENT:
            for label, text in asides(value):
                (entry.changes if changes_more(label, text) else entry.remarks).append((label, text))
            if several := of_several_axes(value):
                entry.changes.append((key, several))
            for text in items(value):
                if isinstance(value, str):
                    entry.put_labelled(key if kind_of(key) == kind else kind, text)
                else:
                    entry.replacements.append(clean(text))
        elif kind == METRICS and isinstance(value, dict | list):
            for label, text in metrics_of(value):
                if label == METRICS:
                    entry.metrics.append(clean(text))
                else:
                    entry.remarks.append((label, text))
        elif kind in (METRICS, PART, ACTION, TITLE, AXIS):
            for text in texts(value):
                if kind == ACTION or (kind == PART and not is_sure(key)):
                    entry.put_labelled(key, clean(text))
                else:
                    entry.put(kind, clean(text))
        elif kind == REMARK:
            entry.remarks.extend((key, text) for text in texts(value))
        else:
            entry.unknown.extend((key, text) for text in texts(value))
    return entry


def _acts(text: Any) -> bool:
    return isinstance(text, str) and bool(read_action(text).actions)


def _flattened(item: dict[str, Any], tried: bool = False) -> Iterator[tuple[str, Any]]:
    """The labels of an object and of the objects in it that hold labels themselves (``{"op": ..., "value": ...}``).

    Args:
        item: the object.
        tried: whether what is tried stands elsewhere, so that a value beside a part is the one that is there.
    """
    for key, value in item.items():
        kind = kind_of(key)
        beside = tried or any(kind_of(other) == REPLACEMENT for other in item if other != key)
        if _is_part(key, value):
            name = next(name for name in _names_in(value))
            yield key if kind_of(name) != PART else name, value[name]
            yield from _flattened(_there({inner: it for inner, it in value.items() if inner != name}, beside), beside)
        elif isinstance(value, dict) and kind not in (REPLACEMENT, REMARK, METRICS) and _is_labelled(value):
            yield from _flattened(value, beside)
        else:
            yield key, value


def _there(value: dict[str, Any], tried: bool) -> dict[str, Any]:
    """What stands beside a part's name, where one value is what is there and not what is tried."""
    return {
        f"current {key}" if tried and kind_of(key) == REPLACEMENT and not isinstance(it, dict | list) else key: it
        for key, it in value.items()
    }


def _is_labelled(value: dict[str, Any]) -> bool:
    return any(kind_of(key) in (PART, ACTION, REPLACEMENT) for key in value)
