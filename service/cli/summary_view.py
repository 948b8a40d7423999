"""How a study's results look at the end of a run: a table per ablation, what was stopped, where to look."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from dit_core.data.paths import cache_folder
from service.analysis import numbers, verdict_text
from service.analysis.cells import own_label
from service.analysis.numbers import MetricFormat
from service.analysis.study_result import StudyResult
from service.cli.program import as_called
from service.cli.status_view import counted, damage_lines
from service.command_text import TRACKING_REFERENCE, command_line, from_here
from service.jobs.inside import submitted_command
from service.mlflow_sync.address import sqlite_address


def show(result: StudyResult, console: Console) -> None:
    """Prints the results; paths and commands are never broken over lines."""
    console.print(render(result))
    for warning in result.warnings:
        console.print(Text.assemble(("warning: ", "bold yellow"), f"{warning}\n"), soft_wrap=True)
    console.print(where(result), soft_wrap=True)


def render(result: StudyResult) -> Group:
    """Lays the results out."""
    parts: list[RenderableType] = [Text(), _headline(result), Text(verdict_text.overall(result.verdicts))]
    parts += [Text(note, style="yellow") for note in result.verdicts.notes]
    if result.capped:
        parts.append(Text(result.capped, style="yellow"))
    for name in dict.fromkeys(row["ablation"] for row in result.ablation_rows.rows):
        parts += [Text(), _ablation(result, str(name))]
    if any(_at(row, result.study.budget_images) for row in result.ablation_rows.rows):
        parts += [Text("@ not at full length: the value there, and the difference to the baseline there.", style="dim")]
    for settled, title in ((False, "Stopped early"), (True, "Settled, with no more seeds")):
        if stops := [stop for stop in result.stops if bool(stop.seeds) == settled]:
            parts += [Text(), Text(title, style="bold")]
            parts += [Text(f"  - {stop.reason}") for stop in stops]
    parts += [Text(), Text(result.audits)] if result.audits else []
    parts += [line for other in result.other_plans for line in (Text(), Text(other, style="dim"))]
    for status, title in (("diverged", "Diverged"), ("failed", "Failed")):
        if rows := [row for row in result.trial_rows.rows if row["status"] == status]:
            parts += [Text(), Text(title, style="bold red")]
            parts += [Text(f"  - {_trial_line(row)}") for row in rows]
    if result.damage:
        parts += [Text(), *damage_lines(result)]
    return Group(*parts, Text())


def _headline(result: StudyResult) -> Text:
    states = [row["status"] for row in result.trial_rows.rows]
    done = sum(state in ("completed", "reused") for state in states)
    state = "stopped before it was done" if result.interrupted else "done" if result.done else "not finished"
    state = "capped" if result.capped and not result.interrupted else state
    if failed := len(result.failed_rows):
        state = f"{numbers.plural(failed, 'trial')} failed"
    return Text.assemble(
        ("Study ", "bold"),
        (result.study.name, "bold cyan"),
        f": {state}. {done} of {numbers.plural(len(states), 'trial')} ran to the budget ({counted(states)}).",
    )


def _ablation(result: StudyResult, name: str) -> Table:
    table = Table(title=Text(name), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("value")
    beside = [name for name in result.arm_rows.columns if f"{name}_spread" in result.arm_rows.columns]
    for column in ("parameters", "Gflops", result.study.primary_metric, "vs baseline", *beside):
        table.add_column(column, justify="right")
    table.add_column("verdict", overflow="fold")
    table.add_column("status", overflow="fold")
    baseline = result.arm_rows.rows[0]["arm"]
    for row in (row for row in result.ablation_rows.rows if row["ablation"] == name):
        own = row["arm"] == baseline
        table.add_row(
            Text(own_label(str(row["value"])) if own else str(row["value"]), style="bold" if own else ""),
            numbers.short(int(row["params"])),
            numbers.gflops(float(row["gflops"])),
            _mean(row, result.shown) + _at(row, result.study.budget_images),
            numbers.NOTHING if own or math.isnan(row["difference"]) else result.shown.signed(row["difference"]),
            *(numbers.significant(None if math.isnan(row[column]) else row[column]) for column in beside),
            "" if own else verdict_text.word(result.verdicts.at(name, str(row["value"]))),
            str(row["status"]),
        )
    return table


def _mean(row: dict[Any, Any], shown: MetricFormat) -> str:
    if math.isnan(row["mean"]):
        return numbers.NOTHING
    spread = "" if math.isnan(row["spread"]) else f" ± {shown.value(row['spread'])}"
    return f"{shown.value(row['mean'])}{spread}"


def _at(row: dict[Any, Any], budget: int) -> str:
    """Marks a value that is not that of a full-length run; the baseline is compared there, too."""
    return f" @{numbers.whole(int(row['images']))}" if 0 < row["images"] < budget else ""


def _trial_line(row: dict[Any, Any]) -> str:
    reason = f": {row['error']}" if row["error"] else ""
    return f"{row['arm']} seed={row['seed']}{reason}"


def where(result: StudyResult) -> Text:
    """Says where the report is and how to go on, or how to end the run that is going on."""
    text = Text()
    if result.report_html is not None:
        text.append("Report  ", style="bold").append(f"{result.report_html}\n")
    place = " (on the cluster)" if submitted_command() is not None else ""
    text.append("MLflow  ", style="bold").append(_runnable(ui_command(result.store, result.tracking_uri)))
    text.append(place + "\n")
    if result.running:
        stop = command_line("stop", [result.study.name], result.store)
        return text.append("Stop    ", style="bold").append(_runnable(stop))
    text.append("Again   " if result.done else "Resume  ", style="bold").append(_runnable(result.resume_command))
    return text


def _runnable(command: str) -> str:
    """Returns the command as it can be pasted here."""
    if not command.startswith("dit-ablate "):
        return command  # a server's address
    if submitted_command() is not None:
        return command  # it is read where the study was submitted
    return as_called(from_here(command))


def ui_command(store: Path | str, tracking_uri: str | None) -> str:
    """Returns the command that opens the MLflow UI of a study, or the server's address."""
    if tracking_uri is not None and tracking_uri.startswith(("http://", "https://")):
        return tracking_uri
    default = store if isinstance(store, Path) else cache_folder().resolve() / "stores"
    elsewhere = tracking_uri is not None and not tracking_uri.startswith(
        sqlite_address(default / "mlflow.db").removesuffix("mlflow.db")
    )
    shown = TRACKING_REFERENCE if tracking_uri and "***" in tracking_uri else tracking_uri
    return command_line("ui", ["--tracking-uri", shown] if elsewhere and shown else [], store)
