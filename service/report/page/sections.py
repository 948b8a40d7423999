"""The page's figures of single sections: size, tuned arms, a search, and grids of two axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dit_core.metrics import direction
from search_spaces.domain import Domain
from search_spaces.search_space import GFLOPS, SearchSpec
from service.analysis.numbers import MetricFormat, significant
from service.analysis.pareto import front
from service.analysis.scaling import Law, Scaling
from service.analysis.search_points import Point
from service.analysis.summary import Summary
from service.analysis.tuned_arms import Choice
from service.report.heat_map import Grid
from service.report.page.chart import Chart, Panel, figure, lines, scale, titled, words
from service.report.page.overview import DASHES
from service.report.page.palette import INK, PAPER, SERIES, SOFT
from service.report.search_section import height
from service.tuning.candidates import mean_of

_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "pentagon")


def _metric(metric: str) -> str:
    return f"{metric} ({direction.better(metric)} is better)"


def scaling_chart(found: Scaling) -> Chart:
    """Draws the metric against Gflops at the budget, and against training compute at every rung."""
    values = [point.value for point in (*found.curve, *found.points)]
    sizes = [(point.arm, point.gflops, point.value) for point in found.points]
    sides = (
        ("At the budget", "Gflops of one forward pass", found.law, [(p.gflops, p.value) for p in found.points
         if p.arm in found.front], {"": sizes}),
        ("At every rung", "training compute, 10⁹ multiply-adds per seed", found.compute_law,
         [(p.compute, p.value) for p in found.compute_front],
         {arm: [(p.arm, p.compute, p.value) for p in found.curve if p.arm == arm]
          for arm in dict.fromkeys(p.arm for p in found.curve)}),
    )  # fmt: skip
    panels = []
    for title, across, law, best, groups in sides:
        drawn = figure(360, xaxis={"title": titled(across)}, yaxis={"title": titled(_metric(found.metric))})
        drawn.update_xaxes(**scale([x for points in groups.values() for _, x, _ in points], at=1.0))
        drawn.update_yaxes(**scale(values, at=1.5))
        for place, (arm, points) in enumerate(groups.items()):
            drawn.add_scatter(
                x=[x for _, x, _ in points], y=[y for *_, y in points], hoverinfo="text",
                hovertext=[lines(own, f"{significant(x)}", f"{found.metric} {significant(y)}") for own, x, y in points],
                mode="lines+markers" if arm else "markers", name=words(arm or "arms", 28), showlegend=bool(arm),
                line={"color": SERIES[place % len(SERIES)] if arm else INK, "width": 1.2,
                      "dash": DASHES[place // len(SERIES) % len(DASHES)]},
                marker={"size": 6 if arm else 10},
            )  # fmt: skip
        drawn.add_scatter(
            x=[x for x, _ in best], y=[y for _, y in best], mode="lines", name="Pareto front", hoverinfo="skip",
            line={"color": SOFT, "dash": "dash", "width": 1.5},
        )  # fmt: skip
        if law is not None:
            costs = [law.span[0] * (law.span[1] / law.span[0]) ** (step / 40) for step in range(41)]
            drawn.add_scatter(
                x=costs, y=[law.at(cost) for cost in costs], mode="lines", name=_law(law), hoverinfo="name",
                line={"color": SERIES[0], "width": 2},
            )  # fmt: skip
        panels.append(Panel(drawn, 360, title))
    rows = tuple((p.arm, p.images, p.gflops, p.compute, p.value) for p in found.curve)
    return Chart(tuple(panels), ("arm", "images", "gflops", "training compute (10^9)", found.metric), rows)


def _law(law: Law) -> str:
    return f"cost to the power of {law.exponent:+.2f}".replace("-", "−")


def heat_chart(grid: Grid, shown: MetricFormat) -> Chart:
    """Draws a grid's means, the better the lighter."""
    values = [[grid.means.get((row, column)) for column in grid.across] for row in grid.down]
    texts = [["no result" if value is None else shown.value(value) for value in row] for row in values]
    height = 130 + 44 * len(grid.down)
    across, down = (name.replace("_", " ") for name in (grid.axes[1], grid.axes[0]))
    drawn = figure(height, xaxis={"title": titled(across), "type": "category", "ticks": "", "showgrid": False})
    drawn.update_yaxes(title=titled(down), type="category", ticks="", showgrid=False, autorange="reversed")
    drawn.add_heatmap(
        x=[words(name) for name in grid.across], y=[words(name) for name in grid.down], z=values, text=texts,
        texttemplate="%{text}",
        hovertemplate=f"{words(down)} %{{y}}<br>{words(across)} %{{x}}<br>%{{text}}<extra></extra>",
        colorscale="Viridis", reversescale=direction.better(grid.metric) == "lower", xgap=2, ygap=2, hoverongaps=False,
        colorbar={"title": {"text": words(grid.metric)}, "thickness": 12, "outlinewidth": 0},
    )  # fmt: skip
    rows = tuple((row, column, grid.means.get((row, column))) for row in grid.down for column in grid.across)
    return Chart((Panel(drawn, height, narrow={"yaxis.title.text": ""}),), (*grid.axes, grid.metric), rows)


def tuning_chart(found: Sequence[Choice], summary: Summary) -> Chart | None:
    """Draws what every arm scored at the short rung by each tuned value, the chosen one filled."""
    tune, metric = summary.study.tune, summary.study.primary_metric
    assert tune is not None
    tried = [
        (choice, candidate.values, mean)
        for choice in found
        for candidate in choice.tuned.chosen_from
        if (mean := mean_of(candidate)) is not None
    ]
    if not tried:
        return None
    panels = []
    for name, domain in tune.values.items():
        drawn = _by_value(domain, name, metric)
        for place, choice in enumerate(found):
            colour = INK if place == 0 else SERIES[(place - 1) % len(SERIES)]
            own = sorted(((_at(domain, v[name]), m) for c, v, m in tried if c is choice), key=lambda pair: pair[0])
            best = (_at(domain, choice.chosen[name]), choice.after) if choice.after is not None else None
            look = {"symbol": _SYMBOLS[place % len(_SYMBOLS)], "line": {"color": colour, "width": 1.5}}
            arm = choice.tuned.arm
            drawn.add_scatter(
                x=[x for x, _ in own], y=[y for _, y in own], name=words(arm, 28), legendgroup=arm, hoverinfo="text",
                hovertext=[lines(arm, f"{name} {_told(domain, x)}", f"{metric} {significant(y)}") for x, y in own],
                mode="lines+markers" if len(tune.values) == 1 else "markers", line={"color": colour, "width": 1.5},
                marker={**look, "size": 8, "color": PAPER},
            )  # fmt: skip
            if best is not None:
                drawn.add_scatter(
                    x=[best[0]], y=[best[1]], mode="markers", showlegend=False, legendgroup=arm, hoverinfo="text",
                    hovertext=[
                        lines(arm, f"chosen: {name} {_told(domain, best[0])}", f"{metric} {significant(best[1])}")
                    ],
                    marker={**look, "size": 13, "color": colour},
                )  # fmt: skip
        panels.append(Panel(drawn, 330, name.replace("_", " ") if len(tune.values) > 1 else ""))
    names = tuple(tune.values)
    rows = tuple((c.tuned.arm, *(v[name] for name in names), m, v == dict(c.chosen)) for c, v, m in tried)
    return Chart(tuple(panels), ("arm", *names, metric, "chosen"), rows)


def history_chart(points: Sequence[Point], summary: Summary) -> Chart | None:
    """Draws the metric by the order of proposals, with the best so far; None before anything is measured."""
    metric = summary.study.primary_metric
    drawn_points = [point for point in points if point.last is not None]
    if not drawn_points:
        return None
    drawn = figure(340, xaxis={"title": titled("proposal")}, yaxis={"title": titled(_metric(metric))})
    own = summary.baseline.final
    drawn.update_yaxes(**scale([*map(_value, drawn_points), *([own.mean] if own is not None else [])]))
    steps: list[tuple[int, float]] = []
    for point in points:
        best = steps[-1][1] if steps else None
        if point.value is not None and (best is None or _cost(metric, point.value) < _cost(metric, best)):
            best = point.value
        if best is not None:
            steps.append((point.number, best))
    drawn.add_scatter(
        x=[x for x, _ in steps], y=[y for _, y in steps], mode="lines", name="best so far", hoverinfo="skip",
        line={"color": SERIES[1], "width": 2, "shape": "hv"},
    )  # fmt: skip
    if own is not None:
        ends = [points[0].number, points[-1].number]
        drawn.add_scatter(x=ends, y=[own.mean] * 2, mode="lines", name="baseline", hoverinfo="skip",
                          line={"color": INK, "dash": "dot", "width": 1.5})  # fmt: skip
    _proposals(drawn, drawn_points, [point.number for point in drawn_points], metric)
    return Chart((Panel(drawn, 340),), *_rows(points, metric))


def slices_chart(points: Sequence[Point], search: SearchSpec, metric: str) -> Chart | None:
    """Draws the metric against every axis of a search; None before anything is measured."""
    kept = [point for point in points if point.last is not None]
    if not kept:
        return None
    panels = []
    for name, domain in search.values.items():
        drawn = _by_value(domain, name, metric)
        drawn.update_yaxes(**scale([_value(point) for point in kept]))
        _proposals(drawn, kept, [_at(domain, point.values[name]) for point in kept], metric)
        panels.append(Panel(drawn, 300))
    return Chart(tuple(panels), *_rows(points, metric))


def parallel_chart(points: Sequence[Point], search: SearchSpec, metric: str) -> Chart | None:
    """Draws every finished proposal as a line through its values; None for one axis or one proposal."""
    finished = [point for point in points if point.value is not None]
    if len(search.values) < 2 or len(finished) < 2:
        return None
    from plotly.colors import sample_colorscale

    ends = [_value(point) for point in finished]
    low, high = min(ends), max(ends)
    names = [*(name.replace("_", " ") for name in search.values), metric]
    drawn = figure(340, xaxis={"tickvals": [*range(len(names))], "ticktext": [words(name, 20) for name in names]})
    drawn.update_yaxes(tickvals=[0, 1], ticktext=["lowest", "highest"], range=[-0.06, 1.06])
    for point in finished:
        share = (_value(point) - low) / (high - low) if high > low else 0.0
        light = share if direction.better(metric) == "lower" else 1 - share
        heights = [*(height(domain, point.values[name]) for name, domain in search.values.items()), share]
        (colour,) = sample_colorscale("Viridis", [0.2 + 0.65 * light])
        drawn.add_scatter(
            x=[*range(len(heights))], y=heights, mode="lines+markers", showlegend=False, hoverinfo="text",
            hovertext=_proposal(point, metric), line={"color": colour, "width": 2}, marker={"size": 5},
        )  # fmt: skip
    return Chart((Panel(drawn, 340, narrow={"xaxis.tickangle": 40}),), *_rows(points, metric))


def pareto_chart(points: Sequence[Point], search: SearchSpec, metric: str) -> Chart | None:
    """Draws the first two objectives against each other, with the front; None for a single objective."""
    names = search.objectives[:2]
    kept = [
        (point, point.objectives[1], point.objectives[0])
        for point in points
        if len(point.objectives) > 1 and None not in point.objectives[:2]
    ]
    if len(names) < 2 or not kept:
        return None
    ahead = {point.number for point in front(points, search.objectives)}
    told = ["Gflops" if name == GFLOPS else _metric(name) for name in names]
    drawn = figure(380, xaxis={"title": titled(told[1])}, yaxis={"title": titled(told[0])})
    line = sorted((x, y) for point, x, y in kept if point.number in ahead)
    if len(names) == len(search.objectives):
        drawn.add_scatter(
            x=[x for x, _ in line], y=[y for _, y in line], mode="lines", name="Pareto front", hoverinfo="skip",
            line={"color": SERIES[1], "dash": "dash", "width": 1.5},
        )  # fmt: skip
    drawn.add_scatter(
        x=[x for _, x, _ in kept], y=[y for *_, y in kept], mode="markers+text", name="proposals", hoverinfo="text",
        text=[str(point.number) if point.number in ahead else "" for point, *_ in kept], textposition="top right",
        hovertext=[_proposal(point, metric) for point, *_ in kept], showlegend=False,
        marker={"size": 9, "line": {"color": SERIES[0], "width": 1.5},
                "color": [SERIES[1] if point.number in ahead else PAPER for point, *_ in kept]},
    )  # fmt: skip
    return Chart((Panel(drawn, 380),), *_rows(points, metric))


def _by_value(domain: Domain, name: str, metric: str) -> Any:
    """An empty figure of the metric by the values of a domain."""
    drawn = figure(330, xaxis={"title": titled(name.replace("_", " "))}, yaxis={"title": titled(_metric(metric))})
    if domain.kind == "choice":
        texts = [words(str(value), 20) for value in domain.values]
        drawn.update_xaxes(tickvals=[*range(len(texts))], ticktext=texts)
    elif domain.is_log:
        drawn.update_xaxes(**scale([domain.low, domain.high], at=1.0))
    return drawn


def _at(domain: Domain, value: Any) -> float:
    """Where a value stands: a choice's place, before all where it is none of them; any other value itself."""
    if domain.kind != "choice":
        return float(value)
    return float(domain.values.index(value)) if value in domain.values else -1.0


def _told(domain: Domain, at: float) -> str:
    if domain.kind != "choice":
        return significant(at)
    return str(domain.values[int(at)]) if at >= 0 else "its own"


def _proposals(drawn: Any, points: Sequence[Point], across: Sequence[float], metric: str) -> None:
    drawn.add_scatter(
        x=[*across], y=[_value(point) for point in points], mode="markers", name="proposals", showlegend=False,
        hoverinfo="text", hovertext=[_proposal(point, metric) for point in points],
        marker={"size": 9, "line": {"color": SERIES[0], "width": 1.5},
                "color": [SERIES[0] if point.value is not None else PAPER for point in points]},
    )  # fmt: skip


def _proposal(point: Point, metric: str) -> str:
    values = [f"{name} {_shown(value)}" for name, value in point.values.items()]
    return lines(f"proposal {point.number}", *values, f"{metric} {significant(_value(point))}", point.arm.status)


def _value(point: Point) -> float:
    if point.value is not None:
        return point.value
    assert point.last is not None
    return point.last[1]


def _cost(metric: str, value: float) -> float:
    return direction.cost(metric, value)


def _shown(value: Any) -> str:
    return significant(value) if isinstance(value, float) else str(value)


def _rows(points: Sequence[Point], metric: str) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    names: Mapping[str, None] = dict.fromkeys(name for point in points for name in point.values)
    rows = tuple(
        (point.number, *(point.values.get(name) for name in names), point.value, point.arm.cost.gmacs, point.arm.status)
        for point in points
    )
    return ("proposal", *names, metric, "gflops", "status"), rows
