"""The numerics versions that a file of golden numbers was written under, and which of its numbers may change since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dit_core.config import TrialConfig
from dit_core.identity import EVALUATION_NUMERICS_VERSION, NUMERICS_VERSION
from dit_core.parts import NAMED_BY, chosen

CORE, EVALUATION, PARTS = "numerics_version", "evaluation_numerics_version", "part_numerics"


def versions() -> dict[str, Any]:
    """Returns today's versions as a file holds them; parts at their first version are left out."""
    entries = {f"{field}={name}": parts.about(name) for field, parts in NAMED_BY.items() for name in parts}
    parts = {label: entry.numerics for label, entry in entries.items() if entry.numerics != 1}
    return {CORE: NUMERICS_VERSION, EVALUATION: EVALUATION_NUMERICS_VERSION, PARTS: parts}


def raised(content: Mapping[str, Any], config: TrialConfig, *, evaluation: bool = False) -> list[str]:
    """Returns the versions that have changed since a file was written and that concern a trial.

    Args:
        content: the file.
        config: the trial.
        evaluation: whether those that only concern its evaluation count.
    """
    now = versions()
    found = [key for key in (CORE, EVALUATION)[: 1 + evaluation] if now[key] != content.get(key, 1)]
    fields = [field for field in NAMED_BY if evaluation or not field.startswith("evaluation.")]
    labels = [label for field in fields for name in chosen(config, field) for label in _labels(field, name)]
    before = content.get(PARTS, {})
    return found + [label for label in labels if now[PARTS].get(label, 1) != before.get(label, 1)]


def _labels(field: str, name: str) -> list[str]:
    used = NAMED_BY[field].about(name).uses
    return [f"{field}={name}", *(label for other in used for label in _labels(field, other))]
