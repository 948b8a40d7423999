"""How a study's results look at the end of a run: a table per ablation, what was stopped, where to look."""

from __future__ import annotations

import math
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from dit_core.data.paths import cache_folder
from service.analysis import numbers
from service.analysis.cells import own_label
from service.analysis.numbers import MetricFormat
from service.analysis.study_result import StudyResult
from service.cli.status_view import damage_lines
from service.command_text import TRACKING_REFERENCE, command_line, from_here
from service.jobs.inside import submitted_command


def show(result: StudyResult, console: Console) -> None:
    """Prints the results; paths and commands are never broken over lines."""
    console.print(render(result))
    for warning in result.warnings:
        console.print(Text.assemble(("warning: ", "bold yellow"), f"{warning}\n"), soft_wrap=True)
    console.print(where(result), soft_wrap=True)


def render(result: StudyResult) -> Group:
    """Lays the results out."""
    parts: list[RenderableType] = [Text(), _headline(result)]
    for name in dict.fromkeys(result.ablations["ablation"]):
        parts += [Text(), _ablation(result, str(name))]
    if (result.arms["images"] < result.study.budget_images).any():
        parts += [Text("@ not at full length: the value there, and the difference to the baseline there.", style="dim")]
    if result.stops:
        parts += [Text(), Text("Stopped early", style="bold")]
        parts += [Text(f"  - {stop.reason}") for stop in result.stops]
    parts += [line for other in result.other_plans for line in (Text(), Text(other, style="dim"))]
    for status, title in (("diverged", "Diverged"), ("failed", "Failed")):
        rows = result.trials[result.trials["status"] == status]
        if len(rows):
            parts += [Text(), Text(title, style="bold red")]
            parts += [Text(f"  - {_trial_line(row)}") for row in rows.to_dict("records")]
    if result.damage:
        parts += [Text(), *damage_lines(result)]
    return Group(*parts, Text())


def _headline(result: StudyResult) -> Text:
    done = int(result.trials["status"].isin(["completed", "reused"]).sum())
    counts = ", ".join(f"{number} {state}" for state, number in result.trials["status"].value_counts().items())
    state = "stopped before it was done" if result.interrupted else "done" if result.done else "not finished"
    if len(result.failed):
        state = f"{numbers.plural(len(result.failed), 'trial')} failed"
    return Text.assemble(
        ("Study ", "bold"),
        (result.study.name, "bold cyan"),
        f": {state}. {done} of {numbers.plural(len(result.trials), 'trial')} ran to the budget ({counts}).",
    )


def _ablation(result: StudyResult, name: str) -> Table:
    table = Table(title=Text(name), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("value")
    for column in ("parameters", "Gflops", result.study.primary_metric, "vs baseline"):
        table.add_column(column, justify="right")
    table.add_column("status", overflow="fold")
    baseline = result.arms["arm"].iloc[0]
    for row in result.ablations[result.ablations["ablation"] == name].to_dict("records"):
        own = row["arm"] == baseline
        table.add_row(
            Text(own_label(str(row["value"])) if own else str(row["value"]), style="bold" if own else ""),
            numbers.short(int(row["params"])),
            numbers.gflops(float(row["gflops"])),
            _mean(row, result.shown) + _at(row, result.study.budget_images),
            numbers.NOTHING if own or math.isnan(row["difference"]) else result.shown.signed(row["difference"]),
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
    """Returns the command as it can be pasted here: with the path this one was started by when PATH has none."""
    if not command.startswith("dit-ablate "):
        return command  # a server's address
    if submitted_command() is not None:
        return command  # it is read where the study was submitted
    command, program = from_here(command), sys.argv[0]
    if shutil.which("dit-ablate") or Path(program).name != "dit-ablate":
        return command
    return command.replace("dit-ablate", shlex.quote(program), 1)


def ui_command(store: Path | str, tracking_uri: str | None) -> str:
    """Returns the command that opens the MLflow UI of a study, or the server's address."""
    if tracking_uri is not None and tracking_uri.startswith(("http://", "https://")):
        return tracking_uri
    default = store if isinstance(store, Path) else cache_folder().resolve() / "stores"
    elsewhere = tracking_uri is not None and not tracking_uri.startswith(f"sqlite:///{default}/")
    shown = TRACKING_REFERENCE if tracking_uri and "***" in tracking_uri else tracking_uri
    return command_line("ui", ["--tracking-uri", shown] if elsewhere and shown else [], store)
