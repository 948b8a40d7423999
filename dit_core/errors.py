"""Errors a person can act on: the field, what was given, what is allowed, the nearest match."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class UserError(ValueError):
    """A mistake in what the user gave. ``str(error)`` is the one sentence to show; no traceback is.

    Attributes:
        incomplete: whether it is no mistake, but something has to be settled before anything can run.
    """

    incomplete = False


def nearest(given: object, allowed: Iterable[object]) -> str | None:
    """Returns the allowed value that reads most like ``given``, or None when none is close."""
    by_text = {str(value).lower(): str(value) for value in allowed}
    matches = difflib.get_close_matches(str(given).lower(), by_text, n=1, cutoff=0.5)
    return by_text[matches[0]] if matches else None


def unknown(field: str, given: object, allowed: Iterable[object]) -> UserError:
    """Builds the error for a value outside a closed set.

    Args:
        field: the name the user wrote, e.g. ``model.block``.
        given: the value the user wrote.
        allowed: every legal value.
    """
    values = list(allowed)
    listed = ", ".join(str(value) for value in values)
    guess = nearest(given, values)
    hint = f"; did you mean {guess!r}?" if guess is not None else ""
    return UserError(f"{field}: unknown value {given!r}; allowed: {listed}{hint}")


def parse(model: type[M], data: Any, where: str = "", written: Mapping[str, str] | None = None) -> M:
    """Validates ``data`` as ``model`` and turns pydantic's report into one sentence.

    Args:
        model: the pydantic model to build.
        data: plain data (as read from YAML or JSON).
        where: what the data is, e.g. a file name; it opens the sentence.
        written: dotted field -> what the user wrote for it, where that is another name.

    Raises:
        UserError: naming every wrong field, what was given and what is allowed.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UserError(explain(error, model, where, written)) from None


def explain(
    error: ValidationError,
    model: type[BaseModel] | None = None,
    where: str = "",
    written: Mapping[str, str] | None = None,
) -> str:
    """Renders a pydantic ``ValidationError`` as one sentence for a person; the arguments are those of ``parse``."""
    parts: dict[str, str] = {}
    for item in error.errors():
        part = _explain_one(dict(item), model)
        field, _, rest = part.partition(": ")
        name = (written or {}).get(field)
        if name is None:
            parts[part] = part
        else:  # of several fields that one name sets, the first says it
            parts.setdefault(f"{name}: ", f"{name}: {rest}")
    prefix = f"{where}: " if where else ""
    return prefix + "; ".join(parts.values())


_PLAIN_WORDS = {
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "text",
    "a valid boolean": "true or false",
    "a valid tuple": "a list",
    "a valid dictionary": "a mapping of names to values",
}
"""What pydantic calls things, and what people do."""


def _explain_one(item: dict[str, Any], model: type[BaseModel] | None) -> str:
    location = [str(part) for part in item["loc"]]
    field = ".".join(location)
    given = item.get("input")
    context_error = (item.get("ctx") or {}).get("error")
    if isinstance(context_error, Exception):
        text = str(context_error)
        if not field or text.startswith(field):
            return text
        parent, leaf = location[:-1], location[-1]
        return ".".join([*parent, text]) if text.startswith(f"{leaf}:") else f"{field}: {text}"
    if item["type"] == "extra_forbidden":
        allowed = _fields_at(model, item["loc"][:-1])
        guess = nearest(location[-1], allowed)
        hint = f"; did you mean {guess!r}?" if guess else ""
        listed = f"; allowed: {', '.join(allowed)}" if allowed else ""
        return f"{field}: unknown field{listed}{hint}"
    if item["type"] == "missing":
        return f"{field}: required and missing"
    message = item["msg"][:1].lower() + item["msg"][1:]
    for theirs, ours in _PLAIN_WORDS.items():
        message = message.replace(theirs, ours)
    shown = repr(given)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    return f"{field}: {message}, given {shown}"


def _fields_at(model: type[BaseModel] | None, location: tuple[Any, ...]) -> list[str]:
    current: Any = model
    for part in location:
        if isinstance(part, int):  # an item of a list: the annotation is tuple[Item, ...]
            current = next(iter(get_args(current)), None)
            continue
        fields = getattr(current, "model_fields", None)
        if fields is None or part not in fields:
            return []
        current = fields[part].annotation
    return list(getattr(current, "model_fields", {}) or {})
