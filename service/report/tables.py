"""Tables as data: made once, written as Markdown and as HTML by the templates."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.types import AblationView
from service.analysis import numbers
from service.analysis.cells import final, own_label, status
from service.analysis.numbers import NOTHING, MetricFormat
from service.analysis.paper_figures import paper_figures
from service.analysis.sentences import listing
from service.analysis.statistics import paired_difference
from service.analysis.summary import ArmSummary, Summary
from service.report.costs import ArmCost, total


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


def ablation_table(view: AblationView, summary: Summary, shown: MetricFormat) -> Table:
    """One ablation: what each arm costs and scores, and how it differs from the baseline."""
    papers = {arm: paper_figures(summary.arm(arm), summary) for _, arm in view.arms}
    with_paper = sum(paper is not None for paper in papers.values()) > 1
    titles = ["parameters", "Gflops", summary.study.primary_metric, "difference to baseline"]
    ladder = view.action == "LADDER"
    titles += ["difference to the step before"] if ladder else []
    first = "step" if ladder else view.axis.replace("_", " ")
    columns = [Column(first), *(Column(title, True) for title in titles), Column("status")]
    if with_paper:
        columns += [Column("paper's Gflops", True), Column("paper's FID-50K", True)]
    rows = []
    before: ArmSummary | None = None
    for label, name in view.arms:
        arm = summary.arm(name)
        step = paired_difference(arm.finals, before.finals) if before is not None else None
        before = arm
        cells = [
            own_label(label) if arm.arm.is_baseline else label,
            numbers.short(arm.cost.params),
            numbers.gflops(arm.cost.gmacs),
            final(arm, summary, shown),
            shown.difference(arm.difference) if arm.difference is not None else NOTHING,
            *([shown.difference(step) if step is not None else NOTHING] if ladder else []),
            status(arm, shown),
        ]
        if with_paper:
            paper = papers[name]
            cells += [paper["gflops"], paper["fid50k_400k"]] if paper else [NOTHING] * 2
        rows.append(Row(tuple(cells), strong=arm.arm.is_baseline, faint=not arm.finals))
    models = listing(dict.fromkeys(paper["model"] for paper in papers.values() if paper))
    caption = (
        f"The paper's figures are those of DiT {models} on ImageNet 256 x 256 after 400K steps: another task and "
        "metric, so only their order can be compared with ours."
        if with_paper
        else ""
    )
    return Table(tuple(columns), tuple(rows), caption)


def stopped_table(summary: Summary, shown: MetricFormat) -> Table | None:
    """What was stopped, at which rung and on what comparison; None when nothing was."""
    if not summary.stops:
        return None
    metric = summary.study.primary_metric
    rows = []
    for stop in summary.stops:
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
                    "diverged" if arm.diverged else "measured to the budget" if arm.finals else "not continued",
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


def cost_table(costs: list[ArmCost]) -> Table:
    """Device seconds and compute per arm, over all its seeds."""
    columns = (
        Column("arm"),
        Column("images trained", True),
        Column("training", True),
        Column("sampling", True),
        Column("scoring", True),
        Column("training compute", True),
        Column(""),
    )
    rows = [_cost_row(cost, _cost_note(cost, costs)) for cost in costs]
    return Table(columns, (*rows, _cost_row(total(costs), "", strong=True)))


def _cost_note(cost: ArmCost, costs: list[ArmCost]) -> str:
    sharing = [other.arm for other in costs if other.weights_of == cost.arm]
    parts = [f"{cost.reused} reused" if cost.reused else ""]
    parts.append(f"evaluates the weights of {cost.weights_of}" if cost.weights_of else "")
    parts.append(f"trained for {listing(sharing)} as well" if sharing else "")
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
