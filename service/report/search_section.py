"""The report's section on a search: what was proposed, how it did, and where a better value may lie."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dit_core.metrics import direction
from search_spaces.axes.base import number
from search_spaces.domain import Domain
from search_spaces.search_space import GFLOPS, SearchSpec
from service.analysis import numbers
from service.analysis.numbers import MetricFormat, plural
from service.analysis.pareto import front
from service.analysis.search_points import Point, best_point, importances
from service.analysis.sentences import listing
from service.analysis.summary import Summary
from service.report.style import BASELINE, OKABE_ITO, canvas, png
from service.report.tables import Column, Row, Table

BEST, ALL = OKABE_ITO[1], OKABE_ITO[0]


def sentences(points: tuple[Point, ...], summary: Summary, shown: MetricFormat) -> list[str]:
    """Says what was searched, what did best, and whether that lies at the edge of what was searched."""
    search, metric = summary.study.search, summary.study.primary_metric
    assert search is not None
    finished = sum(point.value is not None for point in points)
    text = [f"{search.text} {finished} of {len(points)} ran to the budget so far."]
    best = best_point(points, metric)
    if best is None:
        return text
    told = listing(f"{name} {_shown(value)}" for name, value in best.values.items())
    text.append(
        f"The {direction.best(metric)} {metric} of them is {shown.value(best.value or 0.0)}, with {told} (proposal "
        f"{best.number}). The best of {plural(finished, 'proposal')} looks better than it is: only seeds that the "
        "search has not seen tell by how much."
    )
    if len(search.objectives) > 1:
        numbers_of = listing(str(point.number) for point in front(points, search.objectives))
        text.append(
            f"No other proposal is at least as good in each of {listing(search.objectives)} as those on the Pareto "
            f"front: {numbers_of or 'none yet'}."
        )
    edges = [name for name, domain in search.values.items() if domain.at_edge(best.values[name])]
    if edges:
        text.append(f"{listing(edges)} lies at the edge of its range, so a better value may lie beyond it.")
    found = importances(points, summary)
    if found:
        shares = listing(f"{name} {numbers.percent(share)}" for name, share in found.items())
        text.append(f"Of what sets the better half of the proposals apart: {shares} (PED-ANOVA).")
    return text


def table(points: Sequence[Point], summary: Summary, shown: MetricFormat) -> Table:
    """Returns the proposals in their order."""
    search, metric = summary.study.search, summary.study.primary_metric
    assert search is not None
    best = best_point(tuple(points), metric)
    around = search.around == "arms"
    ahead = {point.number for point in front(points, search.objectives)} if len(search.objectives) > 1 else set()
    columns = (
        Column("proposal", True), Column("generation"), *([Column("arm")] if around else []),
        *(Column(name, True) for name in search.values),
        Column(metric, True), Column("Gflops", True), Column("status"),
    )  # fmt: skip
    rows = (
        Row(
            (
                str(point.number),
                point.question.rpartition("-")[2] or "asked before",
                *([point.around] if around else []),
                *(_shown(point.values[name]) for name in search.values),
                numbers.NOTHING if point.value is None else shown.value(point.value),
                numbers.gflops(point.arm.cost.gmacs),
                f"{point.arm.status}, on the front" if point.number in ahead else point.arm.status,
            ),
            strong=best is not None and point.number == best.number,
            faint=point.value is None,
        )
        for point in points
    )
    return Table(columns, tuple(rows))


def history(points: Sequence[Point], summary: Summary) -> bytes | None:
    """Draws the metric by the order of proposals, with the best so far; PNG bytes, None before anything is measured."""
    metric = summary.study.primary_metric
    drawn = [point for point in points if point.last is not None]
    if not drawn:
        return None
    with canvas(7.2, 2.8) as (figure, axes):
        _scatter(axes, drawn, [float(point.number) for point in drawn])
        steps, values, best = [], [], None
        for point in points:
            if point.value is not None and (best is None or _better(point.value, best, metric)):
                best = point.value
            if best is not None:
                steps.append(point.number)
                values.append(best)
        axes.step(steps, values, where="post", color=BEST, lw=1.2, label="best so far")
        own = summary.baseline.final
        if own is not None:
            axes.axhline(own.mean, color=BASELINE, lw=0.9, ls=":", label="baseline")
        axes.set_xlabel("proposal")
        axes.set_ylabel(f"{metric} ({direction.better(metric)} is better)")
        axes.legend()
        return png(figure)


def pareto(points: Sequence[Point], search: SearchSpec) -> bytes | None:
    """Draws the first two objectives against each other, with the front; PNG bytes, None for a single objective."""
    names = search.objectives[:2]
    drawn = [(point, x, y) for point in points if len(names) == 2 for y, x in (point.objectives[:2],)
             if x is not None and y is not None]  # fmt: skip
    if not drawn:
        return None
    ahead = front(points, search.objectives)
    numbers_ahead = {point.number for point in ahead}
    with canvas(5.2, 3.4) as (figure, axes):
        for point, x, y in drawn:
            axes.scatter(x, y, s=24, facecolors=BEST if point.number in numbers_ahead else "white", edgecolors=ALL)
            if point.number in numbers_ahead:
                axes.annotate(str(point.number), (x, y), xytext=(4, 4), textcoords="offset points", fontsize=7)
        if len(names) == len(search.objectives):
            line = sorted((x, y) for point, x, y in drawn if point.number in numbers_ahead)
            axes.plot(*zip(*line, strict=True), color=BEST, lw=1.0, ls="--", zorder=1)
        axes.set_xlabel(_told(names[1]))
        axes.set_ylabel(_told(names[0]))
        return png(figure)


def _told(objective: str) -> str:
    return "Gflops" if objective == GFLOPS else f"{objective} ({direction.better(objective)} is better)"


def slices(points: Sequence[Point], summary: Summary) -> bytes | None:
    """Draws the metric against every axis of the search; PNG bytes, None before anything is measured."""
    search, metric = summary.study.search, summary.study.primary_metric
    drawn = [point for point in points if point.last is not None]
    if not drawn or search is None:
        return None
    names = list(search.values)
    with canvas(max(3.6, 2.4 * len(names)), 2.6, ncols=len(names), sharey=True, squeeze=False) as (figure, panels):
        for axes, name in zip(panels[0], names, strict=True):
            domain = search.values[name]
            _scatter(axes, drawn, [_place(domain, point.values[name]) for point in drawn])
            if domain.is_log:
                axes.set_xscale("log")
            if domain.kind == "choice":
                axes.set_xticks(range(len(domain.values)), map(str, domain.values))
            axes.set_xlabel(name.replace("_", " "))
        panels[0][0].set_ylabel(f"{metric} ({direction.better(metric)} is better)")
        return png(figure)


def parallel(points: Sequence[Point], summary: Summary) -> bytes | None:
    """Draws every finished proposal as a line through its values; PNG bytes, None for one axis or one proposal."""
    search, metric = summary.study.search, summary.study.primary_metric
    finished = [(point, point.value) for point in points if point.value is not None]
    if search is None or len(search.values) < 2 or len(finished) < 2:
        return None
    from matplotlib import colormaps

    low, high = min(value for _, value in finished), max(value for _, value in finished)
    with canvas(7.2, 3.0) as (figure, axes):
        for point, value in finished:
            share = (value - low) / (high - low) if high > low else 0.0
            light = share if direction.better(metric) == "lower" else 1 - share
            heights = [*(height(domain, point.values[name]) for name, domain in search.values.items()), share]
            axes.plot(range(len(heights)), heights, color=colormaps["viridis"](light * 0.9), lw=1.1)
        axes.set_xticks(range(len(search.values) + 1), [*(n.replace("_", " ") for n in search.values), metric])
        axes.set_yticks([0, 1], ["lowest", "highest"])
        return png(figure)


def _scatter(axes: Any, points: Sequence[Point], across: Sequence[float]) -> None:
    """Finished proposals filled, all others hollow, at their last rung."""
    for point, x in zip(points, across, strict=True):
        assert point.last is not None
        done = point.value is not None
        y = point.value if point.value is not None else point.last[1]
        axes.scatter(x, y, s=24, facecolors=ALL if done else "white", edgecolors=ALL, zorder=3)


def _place(domain: Domain, value: Any) -> float:
    return float(domain.values.index(value)) if domain.kind == "choice" else float(value)


def height(domain: Domain, value: Any) -> float:
    """Returns where a value lies in its domain, in 0..1."""
    if domain.kind == "choice":
        return domain.values.index(value) / (len(domain.values) - 1)
    low, high, own = (math.log(item) if domain.is_log else item for item in (domain.low, domain.high, float(value)))
    return (own - low) / (high - low)


def _better(value: float, than: float, metric: str) -> bool:
    return direction.cost(metric, value) < direction.cost(metric, than)


def _shown(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)


def data(
    points: Sequence[Point], search: SearchSpec, found: Mapping[str, float], finals: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Returns everything that the section shows, as plain JSON data."""
    return {
        "search": search.model_dump(mode="json"),
        "proposals": [point.to_json() for point in points],
        "importances": dict(found),
        "front": [point.number for point in front(points, search.objectives)] if len(search.objectives) > 1 else [],
        "final": finals,
    }
