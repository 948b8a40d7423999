"""What the configurations of a study's arms differ in, as columns: dotted field -> every arm's value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.fields import flat


def config_columns(configs: Sequence[TrialConfig]) -> dict[str, list[Any]]:
    """Returns every field in which the configurations differ, in the order of the configuration.

    Args:
        configs: one per row.

    Returns:
        Dotted field -> its values, as plain JSON has them.
    """
    rows = [flat(config) for config in configs]
    fields = [field for field in (rows[0] if rows else ()) if any(row[field] != rows[0][field] for row in rows)]
    return {field: [_plain(row[field]) for row in rows] for field in fields}


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
