"""What a record says beside a metric's value: free-form, so whoever reads a number there asks whether it is one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def number(details: Mapping[str, Any], key: str) -> float | None:
    """Returns a finite number; None where there is none under the key."""
    value = details.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def count(details: Mapping[str, Any], key: str) -> int | None:
    """Returns a number of things; None where there is none under the key."""
    value = details.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
