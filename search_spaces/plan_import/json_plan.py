"""Reads a plan from JSON or JSON lines: the same fields, in any spelling of their names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dit_core.errors import UserError
from search_spaces.plan_import.written import (
    ACTION,
    METRICS,
    PART,
    REPLACEMENT,
    TITLE,
    Entry,
    WrittenPlan,
    clean,
    field_of,
)
from search_spaces.study import Study

_OF_A_STUDY = set(Study.model_fields) - {"name", "description", "ablations"}
_FORM = ", ".join((PART, ACTION, REPLACEMENT, METRICS))


def read_json(text: str, where: str) -> WrittenPlan:
    """Returns the plan in a JSON document: a list of entries, or an object that holds or is one."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})") from None
    if not isinstance(data, list | dict):
        raise UserError(f"{where}: not a plan; a plan is a list of objects with {_FORM}")
    if isinstance(data, dict) and (settings := sorted(_OF_A_STUDY & set(data))):
        raise UserError(
            f"{where}: {', '.join(settings)} belong to a study file, not to a plan; a study file ends in .yaml"
        )
    plan = WrittenPlan()
    _find(data, "", plan, where)
    return plan


def read_json_lines(text: str, where: str) -> WrittenPlan:
    """Returns the plan in a file with one entry per line."""
    plan = WrittenPlan()
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                item = json.loads(line)
            except json.JSONDecodeError as error:
                raise UserError(f"{where}: line {number}: not valid JSON ({error.msg})") from None
            plan.entries.append(_entry(item, "", f"{where}: line {number}"))
    return plan


def _find(data: Any, title: str, plan: WrittenPlan, where: str) -> None:
    """Adds to ``plan`` every entry in ``data``, wherever the document keeps them."""
    if isinstance(data, list):
        for item in data:
            plan.entries.append(_entry(item, "", where))
    elif any(field_of(key) in (PART, ACTION, REPLACEMENT) for key in data):
        plan.entries.append(_entry(data, title, where))
    else:
        for key, value in data.items():
            if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
                _find(value, key, plan, where)
            elif field_of(key) == TITLE and not plan.title:
                plan.title = str(value)
            else:
                plan.remarks.extend((key, text) for text in _texts(value))


def _entry(item: Any, title: str, where: str) -> Entry:
    if not isinstance(item, dict):
        raise UserError(f"{where}: {item!r} is not an entry; an entry is an object with {_FORM}")
    entry = Entry(title=title)
    for key, value in item.items():
        name = field_of(key)
        for text in _texts(value):
            if name is None:
                entry.remarks.append((key, text))
            elif isinstance(value, list) and name in (REPLACEMENT, METRICS):
                (entry.replacements if name == REPLACEMENT else entry.metrics).append(clean(text))
            else:
                entry.put(name, clean(text))
    return entry


def _texts(value: Any) -> Iterator[str]:
    if value is None:
        return
    for item in value if isinstance(value, list) else [value]:
        yield item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
