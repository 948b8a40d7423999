"""How the status of studies looks."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from service.analysis import numbers
from service.analysis.study_result import StudyResult


def render_all(results: list[StudyResult]) -> RenderableType:
    """One line per study."""
    if not results:
        return Text("This store holds no study yet; start one with `dit-ablate run STUDY`.")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("study", "state", "trials", "report"):
        table.add_column(column, overflow="fold")
    for result in results:
        table.add_row(result.study.name, state(result), _counts(result), str(result.report_html or "–"))
    return table


def render_study(result: StudyResult) -> Group:
    """Every trial of a study."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("arm", overflow="fold")
    table.add_column("seed", justify="right")
    table.add_column("status")
    table.add_column("images", justify="right")
    table.add_column(result.study.primary_metric, justify="right")
    table.add_column("training", justify="right")
    for row in result.trials.to_dict("records"):
        table.add_row(
            Text(row["arm"]),
            str(row["seed"]),
            row["status"],
            numbers.whole(row["images"]),
            numbers.NOTHING if row["metric"] != row["metric"] else result.shown.value(row["metric"]),
            numbers.duration(row["seconds"]),
        )
    parts: list[RenderableType] = [
        Text.assemble(("Study ", "bold"), (result.study.name, "bold cyan"), f": {state(result)} ({_counts(result)})"),
        table,
        *(Text(other, style="dim") for other in result.other_plans),
    ]
    return Group(*parts)


def state(result: StudyResult) -> str:
    """A few words for a study."""
    if result.running or (result.trials["status"] == "running").any():
        return result.waiting or "running"
    if len(result.failed):
        return f"{numbers.plural(len(result.failed), 'trial')} failed"
    return "done" if result.done else "not finished"


def _counts(result: StudyResult) -> str:
    return ", ".join(f"{number} {word}" for word, number in result.trials["status"].value_counts().items())
