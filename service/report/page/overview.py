"""The page's figures of a whole study: cost against quality, quality against progress, training loss."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dit_core.metrics.direction import better
from search_spaces.types import Expansion
from service.analysis import numbers
from service.analysis.cells import own_label
from service.analysis.numbers import MetricFormat, plural, short, whole
from service.analysis.scaling import Point, front
from service.analysis.statistics import mean
from service.analysis.summary import ArmSummary, Summary
from service.report.figures import Losses, band_of, last, look, looks
from service.report.page.chart import Chart, Panel, figure, lines, scale, titled, words
from service.report.page.labels import Named, names
from service.report.page.palette import BAND, INK, PAPER, SERIES, SOFT
from service.report.style import BASELINE

SYMBOLS = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross",
           "X": "x", "p": "pentagon", "*": "star"}  # fmt: skip
"""Markers of the pictures -> Plotly's."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
BANDS = "The band behind a line goes from its lowest to its highest seed."
FRONT = "On the Pareto front, the dashed line, no cheaper arm has a better mean."
_POINTS = 200
"""Points of one curve that are drawn, at most."""


def _ink(colour: str) -> str:
    return INK if colour == BASELINE else colour


def gflops_chart(
    expansion: Expansion, summary: Summary, others: Sequence[ArmSummary], shown: MetricFormat
) -> Chart | None:
    """Draws forward Gflops against the primary metric, and the front that no cheaper arm beats; None before any value.

    Args:
        expansion: the study's.
        summary: the arms that are named.
        others: arms that are small grey points.
        shown: how values of the metric are written.
    """
    points = [(arm, *found) for arm in summary.arms if (found := last(arm)) is not None]
    if not points:
        return None
    metric, style = summary.study.primary_metric, looks(expansion)
    known = summary.floors.get(metric)
    floor = known.value if known is not None and known.value is not None and known.value > 0 else None
    grey = [(arm, *found) for arm in others if (found := last(arm)) is not None]
    values = [value for _, _, value in (*points, *grey)]
    drawn = figure(
        470,
        xaxis={"title": titled("Gflops of one forward pass (multiply-adds, one image)")},
        yaxis={"title": titled(f"{metric} ({better(metric)} is better)")},
        legend={"title": {"text": ""}},
    )
    costs = [arm.cost.gmacs for arm, *_ in (*points, *grey)]
    drawn.update_xaxes(**scale(costs, at=3))
    drawn.update_yaxes(**scale([*values, *([floor] if floor else [])]))
    if grey:
        drawn.add_scatter(
            x=[arm.cost.gmacs for arm, *_ in grey], y=[value for *_, value in grey], mode="markers", name="other arms",
            marker={"size": 4, "color": BAND}, hoverinfo="text",
            hovertext=[_arm_text(arm, images, value, shown) for arm, images, value in grey],
        )  # fmt: skip
    ahead = pareto([arm for arm, *_ in (*points, *grey)], metric)
    if len(ahead) > 1:
        drawn.add_scatter(
            x=[p.gflops for p in ahead], y=[p.value for p in ahead], mode="lines", name="Pareto front",
            line={"color": SOFT, "dash": "dash", "width": 1.5, "shape": "hv"}, hoverinfo="skip",
        )  # fmt: skip
    on_front = {p.arm for p in ahead}
    groups: dict[tuple[str, str], list[tuple[ArmSummary, int, float]]] = {}
    for point in points:
        groups.setdefault(style[point[0].arm.name], []).append(point)
    questions = {look(index): view.name for index, view in reversed([*enumerate(expansion.ablations)])}
    for (colour, marker), own in groups.items():
        sds = [arm.final.sd if arm.final is not None and arm.final.sd is not None else 0.0 for arm, *_ in own]
        below = [min(sd, value * 0.8) if value > 0 else sd for sd, (*_, value) in zip(sds, own, strict=True)]
        colour = _ink(colour)
        drawn.add_scatter(
            x=[arm.cost.gmacs for arm, *_ in own], y=[value for *_, value in own], mode="markers",
            name=words("baseline" if own[0][0].arm.is_baseline else questions.get((colour, marker), "other"), 40),
            error_y={"type": "data", "array": sds, "arrayminus": below, "color": colour, "thickness": 1, "width": 0},
            marker={
                "symbol": SYMBOLS[marker], "size": 14 if own[0][0].arm.is_baseline else 10,
                "color": [colour if arm.finals else PAPER for arm, *_ in own], "line": {"color": colour, "width": 1.5},
            },
            hoverinfo="text", hovertext=[_arm_text(arm, images, value, shown) for arm, images, value in own],
        )  # fmt: skip
    if floor is not None and known is not None:
        drawn.add_shape(
            type="line", xref="paper", x0=0, x1=1, y0=floor, y1=floor, line={"color": SOFT, "dash": "dot", "width": 1},
        )  # fmt: skip
        is_log = drawn.layout.yaxis.type == "log"
        drawn.add_annotation(  # unlike a line, it stands at the logarithm
            xref="paper", x=0, xanchor="left", y=math.log10(floor) if is_log else floor, yanchor="bottom",
            showarrow=False, font={"size": 11, "color": SOFT},
            text="floor: as many held-out images" if known.at_samples else "floor: held-out images",
        )  # fmt: skip
    beside = _names(points, drawn, style, on_front)
    slim = {
        "xaxis.title.text": "Gflops of one forward pass",
        "annotations": [*drawn.layout.annotations, *beside(300, 18)],
    }
    slim["annotations"] = [getattr(note, "to_plotly_json", lambda note=note: note)() for note in slim["annotations"]]
    for note in beside(860, 28):
        drawn.add_annotation(note)
    columns = ("arm", "gflops", "parameters", "images", metric, "standard deviation", "seeds", "status", "on the front")
    rows = tuple(
        (
            arm.arm.name, arm.cost.gmacs, arm.cost.params, images, value, arm.final.sd if arm.final else None,
            len(arm.finals) or len(arm.measured.get(images, {})), arm.status, arm.arm.name in on_front,
        )
        for arm, images, value in (*points, *grey)
    )  # fmt: skip
    return Chart(
        (Panel(drawn, 470, narrow=slim, narrow_height=480),),
        columns,
        rows,
        FRONT,
    )


def _names(
    points: Sequence[tuple[ArmSummary, int, float]], drawn: Any, style: Mapping[str, tuple[str, str]], first: set[str]
) -> Callable[[int, int], list[dict[str, Any]]]:
    """The points' names for a plot of some width: the baseline's first, then those on the front."""
    ordered = sorted(points, key=lambda point: (not point[0].arm.is_baseline, point[0].arm.name not in first))
    axes = drawn.layout.xaxis, drawn.layout.yaxis

    def at(value: float, axis: Any) -> float:
        return math.log10(value) if axis.type == "log" else value

    named = [
        Named(at(arm.cost.gmacs, axes[0]), at(value, axes[1]), arm.arm.name, _ink(style[arm.arm.name][0]))
        for arm, _, value in ordered
    ]
    spans = tuple(axes[0].range), tuple(axes[1].range)
    return lambda width, letters: names(named, spans, (width, 380), letters)


def pareto(arms: Sequence[ArmSummary], metric: str) -> tuple[Point, ...]:
    """Returns the finished arms than which no cheaper one has a better mean, the cheapest first."""
    finished = [
        Point(arm.arm.name, arm.cost.gmacs, 0.0, 0, arm.final.mean)
        for arm in arms
        if arm.final is not None and math.isfinite(arm.final.mean)
    ]
    return front(finished, [point.gflops for point in finished], metric)


def _arm_text(arm: ArmSummary, images: int, value: float, shown: MetricFormat) -> str:
    mean = shown.spread(arm.final) if arm.final is not None else f"{shown.value(value)} at {images:,} images"
    size = f"{numbers.gflops(arm.cost.gmacs)} Gflops, {short(arm.cost.params)} parameters"
    return lines(arm.arm.name, mean, size, plural(len(arm.finals), "finished seed"), arm.status)


def progress_chart(
    expansion: Expansion, summary: Summary, others: Sequence[ArmSummary], shown: MetricFormat
) -> Chart | None:
    """Draws the primary metric at every rung with the range of the seeds, a panel per question; None before any."""
    if not any(last(arm) for arm in summary.arms):
        return None
    metric, milestones = summary.study.primary_metric, summary.study.milestones
    grey = band_of(milestones, others)
    values = [v for arm in summary.arms for seeds in arm.measured.values() for v in seeds.values() if math.isfinite(v)]
    values += [end for _, *ends in grey for end in ends]
    curves = {arm.arm.name: arm.measured for arm in summary.arms}
    panels = _panels(expansion, summary, curves, metric, values, shown.value, grey=grey, marks=True)
    rows = tuple(
        (arm.arm.name, seed, images, value)
        for arm in summary.arms
        for images, seeds in arm.measured.items()
        for seed, value in seeds.items()
    )
    return Chart(panels, ("arm", "seed", "images", metric), rows, BANDS)


def loss_chart(expansion: Expansion, summary: Summary, trained: Losses) -> Chart | None:
    """Draws the training loss with the range of the seeds, a panel per question; None before any."""
    curves = {name: _thin(own) for name, own in trained.items()}
    values = [loss for curve in curves.values() for seeds in curve.values() for loss in seeds.values()]
    if not values:
        return None

    def written(value: float) -> str:
        return numbers.significant(value, 4)

    panels = _panels(expansion, summary, curves, "training loss", values, written, at=3.0)
    rows = tuple(
        (arm, seed, images, float(f"{loss:.6g}"))
        for arm, curve in curves.items()
        for images, seeds in curve.items()
        for seed, loss in seeds.items()
    )
    return Chart(panels, ("arm", "seed", "images", "loss"), rows, BANDS)


def _thin(curve: Mapping[int, Mapping[int, float]]) -> dict[int, Mapping[int, float]]:
    """A curve's points, evenly fewer where there are very many; the last one stays."""
    every = -(-len(curve) // _POINTS) or 1
    images = sorted(curve)
    return {at: curve[at] for place, at in enumerate(images) if (len(images) - 1 - place) % every == 0}


def _panels(
    expansion: Expansion,
    summary: Summary,
    curves: Mapping[str, Mapping[int, Mapping[int, float]]],
    title: str,
    values: Sequence[float],
    written: Any,
    *,
    grey: Sequence[tuple[int, float, float]] = (),
    marks: bool = False,
    at: float = 6.0,
) -> tuple[Panel, ...]:
    """A panel per question with a line per arm, the baseline in each, all on one scale."""
    scaled = scale(values, at)
    found = []
    for view in expansion.ablations:
        arms = [(label, summary.arm(name)) for label, name in view.arms if name != expansion.baseline.name]
        arms = [(label, arm) for label, arm in arms if curves.get(arm.arm.name)]
        if not arms:
            continue
        own = next((label for label, name in view.arms if name == expansion.baseline.name), None)
        height = 300 + 20 * (len(arms) // 3)
        drawn = figure(
            height,
            xaxis={"title": titled("images seen"), "tickformat": "~s", "nticks": 5, "rangemode": "tozero"},
            yaxis={"title": titled(title), **scaled},
            legend={"font": {"size": 11}},
        )
        if grey:
            _band(drawn, [(x, a, b) for x, a, b in grey], BAND, "the other arms")
        for index, (label, arm) in enumerate(arms):
            look_of = SERIES[index % len(SERIES)], DASHES[index // len(SERIES) % len(DASHES)]
            _line(drawn, label, arm, curves[arm.arm.name], look_of, (written, marks))
        base = curves.get(expansion.baseline.name)
        if base:
            _line(drawn, own_label(own or "baseline"), summary.baseline, base, (INK, "solid"), (written, marks))
        found.append(Panel(drawn, height, view.name))
    return tuple(found)


def _line(
    drawn: Any,
    label: str,
    arm: ArmSummary,
    curve: Mapping[int, Mapping[int, float]],
    look_of: tuple[str, str],
    how: tuple[Any, bool],
) -> None:
    """One arm's mean, and behind it from its lowest to its highest seed."""
    (colour, dash), (written, marks) = look_of, how
    kept = {images: [v for v in seeds.values() if math.isfinite(v)] for images, seeds in sorted(curve.items())}
    kept = {images: seeds for images, seeds in kept.items() if seeds}
    if not kept:
        return
    if max(map(len, kept.values())) > 1:
        _band(drawn, [(x, min(seeds), max(seeds)) for x, seeds in kept.items()], colour, label, hidden=True)
    means = {images: _mean(arm, images, seeds, marks) for images, seeds in kept.items()}
    texts = [
        lines(
            label,
            f"{whole(images)} images",
            f"mean of {plural(len(seeds), 'seed')}: {written(means[images])}",
            f"from {written(min(seeds))} to {written(max(seeds))}" if len(seeds) > 1 else "",
        )
        for images, seeds in kept.items()
    ]
    symbols = ["circle"] * len(kept)
    if marks and arm.ended_early:
        symbols[-1] = "x"
    drawn.add_scatter(
        x=[*kept], y=[float(f"{value:.6g}") for value in means.values()], name=words(label, 32),
        mode="lines+markers" if marks else "lines", legendgroup=label, line={"color": colour, "dash": dash, "width": 2},
        marker={"symbol": symbols, "size": [10 if symbol == "x" else 6 for symbol in symbols], "color": colour},
        hoverinfo="text", hovertext=texts,
    )  # fmt: skip


def _mean(arm: ArmSummary, images: int, seeds: Sequence[float], is_metric: bool) -> float:
    """Of the metric the mean that tables have there, of the training loss the plain one."""
    if not is_metric:
        return statistics.fmean(seeds)
    there = arm.at(images)
    return there.mean if there is not None and math.isfinite(there.mean) else mean(seeds, arm.scale)


def _band(
    drawn: Any, points: Sequence[tuple[int, float, float]], colour: str, label: str, *, hidden: bool = False
) -> None:
    xs = [x for x, *_ in points]
    around = [*(high for *_, high in points), *(low for _, low, _ in reversed(points))]
    drawn.add_scatter(
        x=[*xs, *reversed(xs)], y=[float(f"{value:.6g}") for value in around], fill="toself", mode="lines",
        line={"width": 0, "color": colour}, fillcolor=colour, opacity=0.18 if hidden else 0.35, hoverinfo="skip",
        name=words(label, 32), legendgroup=label, showlegend=not hidden,
    )  # fmt: skip
