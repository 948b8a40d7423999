"""Tables as data: made once, written as Markdown and as HTML by the templates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from service.analysis import numbers
from service.analysis.arm_costs import ArmCost, total
from service.analysis.numbers import NOTHING, MetricFormat
from service.analysis.sentences import listing
from service.analysis.summary import ArmSummary, Summary
from service.records.decisions import Stop

_NAMED = 8
"""Arms that a note names."""


@dataclass(frozen=True)
class Column:
    """A column: its title and whether it holds numbers, which are set flush right."""

    title: str
    numeric: bool = False


@dataclass(frozen=True)
class Row:
    """A row of plain text; ``strong`` marks the baseline (or a total), ``faint`` what has no final result."""

    cells: tuple[str, ...]
    strong: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a caption."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""


def stopped_table(summary: Summary, shown: MetricFormat) -> Table | None:
    """What was stopped, at which rung and on what comparison; None when nothing was."""
    there = {arm.arm.name for arm in summary.arms}
    stops = [stop for stop in summary.stops if not stop.seeds and stop.arm in there]
    if not stops:
        return None
    metric = summary.study.primary_metric
    rows = []
    for stop in stops:
        arm, baseline = summary.arm(stop.arm), summary.baseline.at(stop.images)
        at = arm.at(stop.images)
        rows.append(
            Row(
                (
                    stop.arm,
                    f"{stop.images:,}",
                    shown.spread(at) if at is not None else shown.value(stop.value),
                    shown.spread(baseline) if baseline is not None else NOTHING,
                    f"{stop.rank} of {stop.compared}",
                    _since_then(arm, stop),
                )
            )
        )
    columns = (
        Column("arm"),
        Column("stopped at (images)", True),
        Column(f"{metric} there", True),
        Column("baseline there", True),
        Column("rank", True),
        Column("since then"),
    )
    return Table(columns, tuple(rows))


def _since_then(arm: ArmSummary, stop: Stop) -> str:
    if arm.diverged:
        return "diverged"
    audited = "audited: " if stop.audited else ""
    return audited + ("measured to the budget" if arm.finals else "runs to the budget" if audited else "not continued")


def cost_table(costs: list[ArmCost], shown: Collection[str]) -> Table:
    """Device seconds and compute per arm, over all its seeds.

    Args:
        costs: of every arm.
        shown: the arms that have a row of their own; the others share one.
    """
    columns = (
        Column("arm"),
        Column("images trained", True),
        Column("training", True),
        Column("sampling", True),
        Column("scoring", True),
        Column("training compute", True),
        Column(""),
    )
    sharing: dict[str, list[str]] = {}
    for cost in costs:
        if cost.weights_of is not None:
            sharing.setdefault(cost.weights_of, []).append(cost.arm)
    rows = [_cost_row(cost, _cost_note(cost, sharing.get(cost.arm, []))) for cost in costs if cost.arm in shown]
    others = [cost for cost in costs if cost.arm not in shown]
    if others:
        rows.append(_cost_row(replace(total(others), arm=f"{len(others):,} more arms"), ""))
    return Table(columns, (*rows, _cost_row(total(costs), "", strong=True)))


def _cost_note(cost: ArmCost, sharing: list[str]) -> str:
    parts = [f"{cost.reused} reused" if cost.reused else ""]
    parts.append(f"evaluates the weights of {cost.weights_of}" if cost.weights_of else "")
    named = sharing if len(sharing) <= _NAMED else [*sharing[:_NAMED], f"{len(sharing) - _NAMED:,} more"]
    parts.append(f"trained for {listing(named)} as well" if sharing else "")
    return "; ".join(part for part in parts if part)


def _cost_row(cost: ArmCost, note: str, strong: bool = False) -> Row:
    cells = (
        cost.arm,
        f"{cost.images:,}",
        numbers.duration(cost.train_seconds),
        numbers.duration(cost.sample_seconds),
        numbers.duration(cost.score_seconds),
        numbers.compute(cost.gmacs),
        note,
    )
    return Row(cells, strong=strong)
