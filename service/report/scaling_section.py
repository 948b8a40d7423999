"""The report's section on size: the metric against Gflops and training compute, beside the paper's."""

from __future__ import annotations

from typing import Any

from dit_core.metrics.direction import better
from service.analysis import numbers
from service.analysis.numbers import MINUS, MetricFormat, plural
from service.analysis.scaling import Correlation, Law, Scaling
from service.analysis.sentences import listing
from service.report.style import BASELINE, OKABE_ITO, canvas, plain_ticks, png
from service.report.tables import Column, Row, Table

LAW, FRONT = OKABE_ITO[0], OKABE_ITO[1]


def sentences(found: Scaling) -> list[str]:
    """Returns what the networks that differ in size alone show, and what the paper's do."""
    count = len(found.points)
    text = [f"{plural(count, 'arm')} that finished differ in size alone (patch size, width, depth, heads, MLP ratio)."]
    if found.law is None:
        text.append(f"A power law needs positive values, so none is fitted to their {found.metric}.")
    else:
        text.append(
            f"Over {_span(found.law, numbers.gflops)} Gflops their {found.metric} goes as Gflops to the power of "
            f"{_exponent(found.law)}; the paper's FID-50K, over its {found.paper_law.points} models, to that of "
            f"{_exponent(found.paper_law)}. A law that is fitted to so few sizes says nothing beyond them."
        )
    if found.correlation is not None:
        text.append(
            f"The correlation of the logarithm of Gflops with {found.metric} is {_correlation(found.correlation)}; "
            f"the paper's is {_correlation(found.paper_correlation)}."
        )
    if found.compute_law is not None:
        text.append(
            f"Along the front of training compute ({plural(found.compute_law.points, 'point')}, "
            f"{_span(found.compute_law, numbers.compute)}) it goes as compute to the power of "
            f"{_exponent(found.compute_law)}."
        )
    text.append(
        f"On the Pareto front of all arms, by Gflops and mean {found.metric}: {listing(found.front)}. The front is "
        "drawn through means and knows nothing of their uncertainty."
    )
    return [" ".join(text)]


def table(found: Scaling, shown: MetricFormat) -> Table:
    """Returns the networks that differ in size alone, the cheapest first."""
    columns = (
        Column("arm"),
        Column("Gflops", True),
        Column("training compute, one seed", True),
        Column(found.metric, True),
        Column("the law", True),
        Column("on the front"),
    )
    rows = (
        Row(
            (
                point.arm,
                numbers.gflops(point.gflops),
                numbers.compute(point.compute),
                shown.value(point.value),
                numbers.NOTHING if found.law is None else shown.value(found.law.at(point.gflops)),
                "yes" if point.arm in found.front else "",
            )
        )
        for point in found.points
    )
    return Table(columns, tuple(rows))


def figure(found: Scaling) -> bytes:
    """Draws the metric against Gflops at the budget, and against training compute at every rung; PNG bytes."""
    with canvas(7.2, 3.3, ncols=2, sharey=True) as (drawing, (left, right)):
        _sizes(left, found)
        _compute(right, found)
        positive = min(point.value for point in found.curve) > 0
        for axes, label in (
            (left, "Gflops of one forward pass"),
            (right, "training compute, 10⁹ multiply-adds per seed"),
        ):
            axes.set_xscale("log")
            axes.set_xlabel(label)
            if positive:
                axes.set_yscale("log")
                plain_ticks(axes.yaxis)
            axes.margins(0.12)
        plain_ticks(left.xaxis)
        left.set_ylabel(f"{found.metric} ({better(found.metric)} is better)")
        return png(drawing)


def _sizes(axes: Any, found: Scaling) -> None:
    front = [point for point in found.points if point.arm in found.front]
    axes.plot([p.gflops for p in front], [p.value for p in front], color=FRONT, lw=1, ls="--", label="Pareto front")
    axes.scatter([p.gflops for p in found.points], [p.value for p in found.points], color=BASELINE, s=26, zorder=3)
    _draw(axes, found.law, "Gflops")
    _name(axes, [(point.arm, point.gflops, point.value) for point in found.points])
    axes.legend(fontsize=7)


def _compute(axes: Any, found: Scaling) -> None:
    ends: list[tuple[str, float, float]] = []
    for arm in dict.fromkeys(point.arm for point in found.curve):
        own = [point for point in found.curve if point.arm == arm]
        axes.plot([p.compute for p in own], [p.value for p in own], color="#999999", lw=0.9, marker="o", markersize=2.5)
        ends.append((arm, own[-1].compute, own[-1].value))
    _name(axes, ends)
    front = found.compute_front
    axes.plot([p.compute for p in front], [p.value for p in front], color=FRONT, lw=1, ls="--", label="Pareto front")
    _draw(axes, found.compute_law, "compute")
    axes.legend(fontsize=7)


def _name(axes: Any, points: list[tuple[str, float, float]]) -> None:
    """Names points, from left to right above and below them in turn, so that neighbours' names seldom meet."""
    for place, (arm, x, y) in enumerate(sorted(points, key=lambda point: point[1])):
        above = place % 2 == 0
        axes.annotate(
            arm, (x, y), xytext=(0, 6 if above else -6), textcoords="offset points", fontsize=6.5, ha="center",
            va="bottom" if above else "top",
        )  # fmt: skip


def _draw(axes: Any, law: Law | None, cost: str) -> None:
    if law is None:
        return
    low, high = law.span
    costs = [low * (high / low) ** (step / 40) for step in range(41)]
    label = f"{cost}^{_signed(law.exponent)}"
    axes.plot(costs, [law.at(cost) for cost in costs], color=LAW, lw=1.4, label=label, zorder=2)


def _span(law: Law, shown: Any) -> str:
    return " to ".join(shown(end) for end in law.span)


def _exponent(law: Law) -> str:
    if law.low is None or law.high is None:
        return _signed(law.exponent)
    return f"{_signed(law.exponent)}, 95 % interval {_interval(law.low, law.high)}"


def _correlation(found: Correlation) -> str:
    over = f"over {plural(found.points, 'model')}"
    if found.low is None or found.high is None:
        return f"{_signed(found.r)} {over}, too few for an interval"
    return f"{_signed(found.r)} {over}, 95 % interval {_interval(found.low, found.high)}"


def _interval(low: float, high: float) -> str:
    return f"[{_signed(low)}, {_signed(high)}]"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", MINUS)
