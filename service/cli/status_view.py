"""How the status of studies looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from service.analysis import numbers, verdict_text
from service.analysis.study_result import TRIAL_COLUMNS, StudyResult
from service.analysis.study_state import state
from service.command_text import command_line, from_here

SHOWN = 20
"""Lines on damage before they are only counted."""

UNMEASURED = (
    "A dash: not measured yet at a rung of this study. What of the trial is trained already, here or by another study "
    "that shares it, is not trained again."
)


def render_all(results: list[StudyResult]) -> RenderableType:
    """One line per study."""
    if not results:
        return Text("This store holds no study yet; start one with `dit-ablate run STUDY`.")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("study", "state", "trials", "report"):
        table.add_column(column, overflow="fold")
    for result in results:
        damaged = f", {len(result.damage)} damaged" if result.damage else ""
        table.add_row(result.study.name, state(result) + damaged, _counts(result), str(result.report_html or "–"))
    return table


def render_study(result: StudyResult) -> Group:
    """Every trial of a study."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("arm", overflow="fold")
    table.add_column("seed", justify="right")
    table.add_column("status")
    table.add_column("measured at", justify="right")
    known = (*TRIAL_COLUMNS, *result.config_fields)
    beside = [column for column in result.trial_rows.columns if column not in known]
    for metric in (result.study.primary_metric, *beside):
        table.add_column(metric, justify="right")
    table.add_column("training", justify="right")
    for row in result.trial_rows.rows:
        table.add_row(
            Text(row["arm"]),
            str(row["seed"]),
            row["status"],
            numbers.whole(row["images"]) if row["images"] else numbers.NOTHING,
            numbers.NOTHING if row["metric"] != row["metric"] else result.shown.value(row["metric"]),
            *(numbers.significant(None if row[name] != row[name] else row[name]) for name in beside),
            numbers.duration(row["seconds"]),
        )
    parts: list[RenderableType] = [
        Text.assemble(("Study ", "bold"), (result.study.name, "bold cyan"), f": {state(result)} ({_counts(result)})"),
        table,
        *([Text(UNMEASURED, style="dim")] if _has_unmeasured(result) else []),
        Text(verdict_text.overall(result.verdicts)),
        *(Text(other, style="dim") for other in result.other_plans),
        *([Text(result.audits)] if result.audits else []),
        *given_up_lines(result),
        *damage_lines(result),
    ]
    return Group(*parts)


def _has_unmeasured(result: StudyResult) -> bool:
    return any(row["seconds"] > 0 and not row["images"] for row in result.trial_rows.rows)


def given_up_lines(result: StudyResult) -> list[Text]:
    """The trials that were given up, each with its kind of failure and its error."""
    rows = result.failed_rows
    return [
        Text(f"given up ({row['cause'] or 'error'}): {row['arm']} seed={row['seed']}: {row['error']}", style="red")
        for row in rows
    ]


def damage_lines(result: StudyResult) -> list[Text]:
    """What is damaged, a line each, and the command that says what it costs to make it again."""
    if not result.damage:
        return []
    lines = [Text.assemble(("damaged: ", "bold yellow"), damage.text) for damage in result.damage[:SHOWN]]
    more = len(result.damage) - SHOWN
    rest = f"{more} more are not shown; " if more > 0 else ""
    command = from_here(command_line("verify", [result.study.name], result.store))
    return [*lines, Text(f"{rest}what it costs to make it again: {command}", style="dim")]


def counted(states: Iterable[str]) -> str:
    """Returns how many trials are in which state, the most first."""
    return ", ".join(f"{number} {word}" for word, number in Counter(states).most_common())


def _counts(result: StudyResult) -> str:
    return counted(row["status"] for row in result.trial_rows.rows)
