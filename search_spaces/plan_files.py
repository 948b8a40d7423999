"""Which files are written plans: what reads plans is imported for those alone, since it takes long to import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from search_spaces.plan_suffixes import PLAN_SUFFIXES, YAML
from search_spaces.text_files import read_text, read_yaml


def is_plan_file(path: Path) -> bool:
    """Whether a file is a written plan: by its ending, or, for YAML, because its entries are in a plan's words."""
    suffix = path.suffix.lower()
    if suffix in PLAN_SUFFIXES:
        return True
    if suffix not in YAML or not path.is_file():
        return False
    try:
        return _is_plan_data(read_yaml(read_text(path), ""))
    except UserError:
        return False


def _is_plan_data(data: Any) -> bool:
    if isinstance(data, dict):
        listed = data.get("ablations")
        if any(key in data for key in ("grid", "ladder", "seeds", "rungs", "budget_images", "policy")):
            return False
        if isinstance(listed, list) and any(
            isinstance(item, str) or (isinstance(item, dict) and "axis" in item) for item in listed
        ):
            return False
    from search_spaces.plan_import.data import holds_entries

    return holds_entries(data)
