"""A study's table for a paper, before it is written in any format: cells, marks and the legend that explains them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dit_core.metrics.direction import better, cost
from search_spaces.axes.base import number
from service.analysis import numbers
from service.analysis.cells import own_label
from service.analysis.numbers import NOTHING, MetricFormat
from service.analysis.sentences import listing
from service.analysis.study_result import StudyResult
from service.analysis.verdict_text import p_value
from service.paper.rows import Row, config_fields, rows_of, secondary_metrics
from service.statistics.verdict import Status

STOPPED, UNDECIDED, EQUIVALENT, NO_RESULT = "†", "‡", "≈", "§"
_LEGEND = {
    STOPPED: "stopped early: the value is that after the images behind @, not comparable with the others",
    UNDECIDED: "undecided: the seeds do not tell whether there is a difference",
    EQUIVALENT: "equivalent: the difference lies within the margin that the study has named",
    NO_RESULT: "no final result: the arm diverged, failed or is not finished",
}


@dataclass(frozen=True)
class Cell:
    """A cell: its text, whether it is set in bold, and a mark that the legend explains."""

    text: str
    bold: bool = False
    mark: str = ""


@dataclass(frozen=True)
class Column:
    """A column: its title and whether it is set flush right."""

    title: str
    numeric: bool = True


@dataclass(frozen=True)
class Group:
    """The rows of one question."""

    title: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class PaperTable:
    """A table.

    Attributes:
        name: the study's.
        caption: one sentence.
        columns: the columns.
        groups: the questions.
        legend: what bold, brackets and marks mean, a sentence each.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    legend: tuple[str, ...]


def paper_table(result: StudyResult, questions: Sequence[str] = (), *, config: bool = True) -> PaperTable:
    """Lays out a study's table.

    Args:
        result: the study's results.
        questions: of these questions only; none takes all.
        config: with a column for every field in which the arms differ.

    Raises:
        UserError: there is no such question.
    """
    rows = rows_of(result, questions)
    fields = config_fields(rows, result) if config else ()
    metric, others = result.study.primary_metric, secondary_metrics(result)
    columns = [Column("arm", numeric=False), *(Column(title) for title in _short(fields))]
    columns += [Column(title) for title in ("parameters", "Gflops", _titled(metric), *map(_titled, others))]
    columns += [Column(title) for title in ("seeds", "difference", "p")]
    layout = _Layout(rows, result, fields, others)
    groups = tuple(
        Group(question, tuple(layout.cells(row) for row in rows if row.question == question))
        for question in dict.fromkeys(row.question for row in rows)
    )
    legend = (*_reading(result, layout), *_marks(groups))
    state = "" if result.done else " The study is not finished."
    caption = (
        f"{metric} ({better(metric)} is better) after {result.study.budget_images:,} training images, study "
        f"{result.study.name}.{state}"
    )
    return PaperTable(result.study.name, caption, tuple(columns), groups, legend)


class _Layout:
    """Turns rows into cells."""

    def __init__(self, rows: Iterable[Row], result: StudyResult, fields: Sequence[str], others: Sequence[str]) -> None:
        self._result, self._fields, self._others = result, fields, others
        self._baseline = str(result.arms["arm"].iloc[0])
        arms = {row.arm["arm"]: row for row in rows if row.arm is not None}
        finished = {name: row for name, row in arms.items() if row.mean is not None}
        means = {name: row.mean.value for name, row in finished.items() if row.mean is not None}
        self.best = _best(result.study.primary_metric, means)
        self._best_beside = {
            metric: _best(metric, {name: row.arm[metric] for name, row in finished.items() if row.arm is not None})
            for metric in others
        }
        self._formats = {
            metric: MetricFormat.for_values(row.arm[metric] for row in finished.values() if row.arm is not None)
            for metric in others
        }

    def cells(self, row: Row) -> tuple[Cell, ...]:
        """Returns the cells of a row, one per column."""
        if row.arm is None:
            blank = [Cell("") for _ in range(len(self._fields) + 3 + len(self._others) + 1)]
            return (Cell(row.label), *blank, *self._compared(row))
        arm, name = row.arm, str(row.arm["arm"])
        label = own_label(row.label) if name == self._baseline else row.label
        cells = [Cell(label), *(Cell(_value(arm[field])) for field in self._fields)]
        cells += [Cell(numbers.short(int(arm["params"]))), Cell(numbers.gflops(float(arm["gflops"]))), self._mean(row)]
        for metric in self._others:
            text = _spread(arm[metric], arm[f"{metric}_spread"], self._formats[metric]) if row.mean else NOTHING
            cells.append(Cell(text, bold=name in self._best_beside[metric]))
        cells.append(Cell(str(row.mean.seeds if row.mean is not None else int(arm["seeds"]))))
        return (*cells, *self._compared(row))

    def _mean(self, row: Row) -> Cell:
        assert row.arm is not None
        shown = self._result.shown
        if row.mean is not None:
            return Cell(_spread(row.mean.value, row.mean.sd, shown), bold=row.arm["arm"] in self.best)
        early = "stopped@" in str(row.arm["status"])
        if not early or math.isnan(row.arm["mean"]):
            return Cell(NOTHING, mark=NO_RESULT)
        value = _spread(row.arm["mean"], row.arm["spread"], shown)
        return Cell(f"{value} @{numbers.whole(int(row.arm['images']))}", mark=STOPPED)

    def _compared(self, row: Row) -> tuple[Cell, Cell]:
        verdict = row.verdict
        if verdict is None or verdict.difference is None:
            return Cell(NOTHING), Cell(NOTHING)
        mark = {Status.UNDECIDED: UNDECIDED, Status.EQUIVALENT: EQUIVALENT}.get(verdict.status, "")
        return Cell(self._result.shown.difference(verdict), mark=mark), Cell(p_value(verdict))


def _best(metric: str, values: dict[str, float]) -> frozenset[str]:
    known = {name: cost(metric, value) for name, value in values.items() if math.isfinite(value)}
    return frozenset(name for name, value in known.items() if value == min(known.values()))


def _spread(mean: float, sd: float | None, shown: MetricFormat) -> str:
    if math.isnan(mean):
        return NOTHING
    return shown.value(mean) + ("" if sd is None or math.isnan(sd) else f" ± {shown.value(sd)}")


def _value(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return number(value) if isinstance(value, float) else str(value)


def _titled(metric: str) -> str:
    return f"{metric} {'↑' if better(metric) == 'higher' else '↓'}"


def _short(fields: Sequence[str]) -> list[str]:
    """The fields' last parts, where these are distinct."""
    leaves = [field.rpartition(".")[2] for field in fields]
    return [leaf if leaves.count(leaf) == 1 else field for field, leaf in zip(fields, leaves, strict=True)]


def _reading(result: StudyResult, layout: _Layout) -> list[str]:
    """Says how to read the numbers."""
    verdicts, level = result.verdicts, numbers.percent(1 - result.verdicts.level)
    said = []
    if layout.best:
        best = verdicts.best
        others = [arm for arm in best.candidates if arm != best.arm] if best is not None else []
        as_good = f"; as good, as far as the seeds tell: {listing(others)}" if others and best and best.low else ""
        said.append(f"Bold: the best mean{as_good}.")
    if any(mean.sd is not None for mean in verdicts.means.values()):
        said.append("±: standard deviation over seeds.")
    if any(verdict.low is not None for verdict in verdicts.verdicts):
        said.append(
            f"Brackets: simultaneous {level} intervals of the difference to the baseline; p values are corrected for "
            f"{numbers.plural(len(verdicts.verdicts), 'comparison')}."
        )
    return [*said, *verdicts.notes]


def _marks(groups: Sequence[Group]) -> list[str]:
    used = {cell.mark for group in groups for row in group.rows for cell in row}
    return [f"{mark} {text}." for mark, text in _LEGEND.items() if mark in used]
