"""Where people find a study's report."""

from __future__ import annotations

from pathlib import Path

from service.records.store import Store


def shown_report(store: Store, study: str) -> tuple[Path | str, Path | str]:
    """Returns where people find the Markdown and the HTML of a study's report."""
    folder = f"studies/{study}/report"
    return store.shown(f"{folder}/report.md"), store.shown(f"{folder}/report.html")
