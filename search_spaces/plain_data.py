"""Values as a study file holds them: text, numbers, true and false, lists and mappings of those."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel

from dit_core.errors import UserError

DEEPEST = 50
"""Levels of lists and mappings that a study may have; more is a list that holds itself, or a mistake."""


def plain(value: Any, where: str = "", depth: int = 0) -> Any:
    """Returns ``value`` as a study file would hold it.

    Numbers and arrays of numpy and torch become Python's (``np.float32(0.001)`` is 0.001, the shortest number that it
    stands for, so that it is the same setting), paths become text, ranges become tuples. Pydantic models
    are left as they are.

    Args:
        value: what was given.
        where: the field it was given for; opens the error.
        depth: how many lists and mappings it lies in.

    Raises:
        UserError: it is something that no study file can hold, or it is nested too deeply.
    """
    if depth > DEEPEST:
        raise UserError(f"{where}: nested more than {DEEPEST} levels deep")
    if value is None or isinstance(value, bool | BaseModel):
        return value
    if hasattr(value, "tolist"):  # what numpy's and torch's numbers, arrays and tensors have in common
        digits = _SHORTER.get(str(getattr(value, "dtype", "")).rpartition(".")[2])
        return plain(_as_written(value.tolist(), digits), where, depth + 1)
    for kind in (str, int, float):  # an enumeration's members are one of these as well
        if isinstance(value, kind):
            return value if type(value) is kind else kind(value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        inside = f"{where}." if where else ""
        return {key: plain(item, f"{inside}{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | range):
        items = [plain(item, where, depth + 1) for item in value]
        return items if isinstance(value, list) else tuple(items)
    raise UserError(f"{where}: {_shown(value)} is no name, number, true, false, or list of those")


_SHORTER = {"float32": "f", "float16": "e"}
"""Kinds of numbers with fewer digits than Python's -> their names in ``struct``."""


def _as_written(value: Any, kind: str | None) -> Any:
    """The shortest decimal numbers that numbers with fewer digits stand for."""
    if kind is None:
        return value
    if isinstance(value, list):
        return [_as_written(item, kind) for item in value]
    if not math.isfinite(value) or value.is_integer():
        return value
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        try:
            if struct.pack(kind, short) == struct.pack(kind, value):
                return short
        except OverflowError:  # rounded up beyond the largest of its kind
            continue
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
