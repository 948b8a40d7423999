"""Where a study stands, in a few words."""

from __future__ import annotations

from service.analysis import numbers
from service.analysis.study_result import StudyResult


def state(result: StudyResult) -> str:
    """A few words for a study."""
    if result.running or any(row["status"] == "running" for row in result.trial_rows.rows):
        return result.waiting or "running"
    if failed := len(result.failed_rows):
        return f"{numbers.plural(failed, 'trial')} failed"
    return "done" if result.done else "not finished"
