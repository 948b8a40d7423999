"""What was predicted of a study's cost and what was spent, in sentences."""

from __future__ import annotations

from service.analysis.summary import Summary
from service.cost.capped import capped
from service.cost.comparison_text import comparison_text
from service.cost.prediction import compared
from service.cost.spent import device_seconds
from service.records.store import Store


def predicted_and_spent(summary: Summary, store: Store) -> tuple[str, ...]:
    """Returns sentences on what was predicted and what was spent, and on what a cap has left missing."""
    name = summary.study.name
    left = "" if summary.finished else capped(name, store)
    found = compared(name, summary.results, store)
    return (*((left,) if left else ()), *comparison_text(found, device_seconds(name, store)))
