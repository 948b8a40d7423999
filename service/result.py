"""Where a study stands, laid out from the store's records."""

from __future__ import annotations

from pathlib import Path

from service.analysis.arm_costs import priced
from service.analysis.damage import Damage
from service.analysis.study_result import StudyResult, study_result
from service.analysis.summary import Summary, summarise
from service.cost.capped import capped as capped_of
from service.engine import LiveRun
from service.mlflow_sync.address import default_tracking_uri
from service.preflight import Prepared
from service.records.store import Store
from service.redact import redacted
from service.report.place import shown_report


def result_of(
    store: Store,
    prepared: Prepared,
    command: str,
    *,
    running: frozenset[str] = frozenset(),
    failures: dict[str, str] | None = None,
    report: tuple[Path | str, Path | str] | None = None,
    interrupted: bool = False,
    tracking_uri: str | None = None,
    warnings: tuple[str, ...] = (),
    live: LiveRun | None = None,
    capped: str | None = None,
    summary: Summary | None = None,
    damage: tuple[Damage, ...] | None = None,
) -> StudyResult:
    """Lays out where a study stands; the arguments are ``StudyResult``'s attributes, or what they come from.

    What a cap has left missing is the newest run's to say, where it is not given. A summary that was made just now is
    not made again, and damage that was looked for just now is not looked for again.
    """
    name = prepared.expansion.study.name
    folder = f"studies/{name}/report/"
    if report is None and f"{folder}report.html" in store.records.names(folder):
        report = shown_report(store, name)
    return study_result(
        summary or priced(summarise(prepared, store, running=running, failures=failures), store),
        store,
        interrupted=interrupted,
        tracking_uri=redacted(tracking_uri or default_tracking_uri(store)),
        report_markdown=report[0] if report else None,
        report_html=report[1] if report else None,
        warnings=(*warnings, *store.notes),
        resume_command=command,
        running=live is not None,
        waiting=live.waits_for if live is not None else "",
        capped=capped_of(name, store) if capped is None else capped,
        damage=damage,
    )
