"""The report's plots: cost against quality, quality against progress, training loss."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dit_core.metrics.direction import better
from search_spaces.types import Expansion
from service.analysis.cells import own_label
from service.analysis.numbers import short
from service.analysis.summary import ArmSummary, Summary
from service.records.store import Store
from service.report.style import BASELINE, FLOOR, MARKERS, OKABE_ITO, canvas, plain_ticks, png, spread_labels

Losses = Mapping[str, Mapping[int, Mapping[int, float]]]
"""Arm -> images -> seed -> training loss."""


def look(index: int) -> tuple[str, str]:
    """Returns the colour and marker of an ablation; where the colours start anew, each has another marker."""
    around, place = divmod(index, len(OKABE_ITO))
    return OKABE_ITO[place], MARKERS[(place + around) % len(MARKERS)]


def looks(expansion: Expansion) -> dict[str, tuple[str, str]]:
    """Returns every arm's colour and marker: those of the first ablation that asked for it; the baseline's own."""
    found: dict[str, tuple[str, str]] = {expansion.baseline.name: (BASELINE, "*")}
    for index, view in enumerate(expansion.ablations):
        for _, name in view.arms:
            found.setdefault(name, look(index))
    for arm in expansion.arms:
        found.setdefault(arm.name, (OKABE_ITO[-1], "o"))
    return found


def gflops_against_metric(
    expansion: Expansion, summary: Summary, others: Sequence[ArmSummary], named: Collection[str]
) -> bytes | None:
    """Draws forward Gflops against the primary metric: finished arms filled, stopped ones hollow at their rung.

    Args:
        expansion: the study's.
        summary: the arms that are drawn.
        others: arms that are small grey points.
        named: the arms whose names are written beside their points.

    Returns:
        PNG bytes, or None while nothing is measured.
    """
    points = [(arm, images, value) for arm in summary.arms if (found := last(arm)) for images, value in (found,)]
    if not points:
        return None
    style = looks(expansion)
    written = [point for point in points if point[0].arm.name in named]
    # names beside each other's points, and the legend below, take room
    height = 4.4 + 0.1 * max(0, len(written) - 12) + 0.16 * max(0, len(expansion.ablations) // 3 - 2)
    with canvas(7.2, height) as (figure, axes):
        _draw_points(axes, points, style)
        grey = [(arm.cost.gmacs, found[1]) for arm in others if (found := last(arm)) is not None]
        if grey:
            axes.scatter(*zip(*grey, strict=True), s=6, color="#BBBBBB", linewidths=0, zorder=1)
        known = summary.floors.get(summary.study.primary_metric)
        floor = None if known is None else known.value
        if known is not None and floor is not None and floor > 0:
            axes.axhline(floor, color=FLOOR, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
            axes.annotate(
                "floor: as many held-out images" if known.at_samples else "floor: held-out images",
                (0, floor),
                xycoords=("axes fraction", "data"),
                xytext=(4, 3),
                textcoords="offset points",
                color="#666666",
                fontsize=7.5,
            )
        axes.set_xscale("log")
        plain_ticks(axes.xaxis)
        _metric_scale(axes, [*(value for _, _, value in points), *(y for _, y in grey), *([floor] if floor else [])])
        axes.margins(x=0.12)
        axes.set_xlabel("Gflops of one forward pass (multiply-adds, one image)")
        metric = summary.study.primary_metric
        axes.set_ylabel(f"{metric} ({better(metric)} is better)")
        figure.get_layout_engine().execute(figure)  # where the points are, for their names
        _label_points(axes, written, style)
        _legend(figure, expansion, summary, style)
        return png(figure)


def _draw_points(
    axes: Any, points: Sequence[tuple[ArmSummary, int, float]], style: Mapping[str, tuple[str, str]]
) -> None:
    """Draws arms one above the other in their order; neighbours that look alike at once, which is much faster."""

    def seen(point: tuple[ArmSummary, int, float]) -> tuple[str, str, bool, bool]:
        arm = point[0]
        return *style[arm.arm.name], bool(arm.finals), arm.arm.is_baseline

    for (colour, marker, done, is_baseline), alike in itertools.groupby(points, seen):
        own = [(arm, value) for arm, _, value in alike]
        axes.scatter(
            [arm.cost.gmacs for arm, _ in own],
            [value for _, value in own],
            s=130 if is_baseline else 46,
            marker=marker,
            facecolors=colour if done else "white",
            edgecolors=colour,
            linewidths=1.3,
            zorder=3,
        )
        bars = []
        for arm, _ in own:
            if arm.final is not None and arm.final.sd is not None:
                mean, sd = arm.final.mean, arm.final.sd
                # the axis may be logarithmic
                bars.append((arm.cost.gmacs, max(mean - sd, mean * 0.2) if mean > 0 else mean - sd, mean + sd))
        if bars:
            axes.vlines(*zip(*bars, strict=True), color=colour, linewidth=1, zorder=2)


def metric_by_images(expansion: Expansion, summary: Summary, others: Sequence[ArmSummary] = ()) -> bytes | None:
    """Draws the primary metric at every rung, one panel per ablation, the baseline in each; a cross ends a stop.

    Args:
        expansion: the study's.
        summary: the arms that are drawn.
        others: arms of which a grey band shows where the middle four fifths lie.

    Returns:
        PNG bytes, or None while nothing is measured.
    """
    if not any(last(arm) for arm in summary.arms):
        return None
    metric = summary.study.primary_metric

    def draw(axes: Any, label: str, arm: ArmSummary, colour: str, order: int) -> None:
        curve = [(images, found.mean) for images in summary.study.milestones if (found := arm.at(images))]
        curve = [(images, value) for images, value in curve if math.isfinite(value)]
        if not curve:
            return
        xs, ys = zip(*curve, strict=True)
        line = {"color": colour, "linewidth": 1.4, "zorder": order, "label": label}
        axes.plot(xs, ys, marker="o", markersize=3, **line)
        if arm.ended_early:
            axes.plot(xs[-1], ys[-1], marker="x", markersize=7, markeredgewidth=1.6, color=colour, zorder=order)

    values = [value for arm in summary.arms for seeds in arm.measured.values() for value in seeds.values()]
    band = band_of(summary.study.milestones, others)

    def scale(axes: Any) -> None:
        if band:
            images, low, high = zip(*band, strict=True)
            axes.fill_between(images, low, high, color="#BBBBBB", alpha=0.5, linewidth=0, zorder=1)
        _metric_scale(axes, [*values, *(end for _, *ends in band for end in ends)])

    return _panels(expansion, summary, draw, metric, scale, summary.study.milestones)


def band_of(milestones: Sequence[int], arms: Sequence[ArmSummary]) -> list[tuple[int, float, float]]:
    """Returns where the middle four fifths of arms lie at each milestone that ten of them reached."""
    found = []
    for images in milestones:
        means = [own.mean for arm in arms if (own := arm.at(images)) is not None and math.isfinite(own.mean)]
        if len(means) >= 10:
            tenths = statistics.quantiles(means, n=10)
            found.append((images, tenths[0], tenths[-1]))
    return found


def training_loss(expansion: Expansion, summary: Summary, trained: Losses) -> bytes | None:
    """Draws the training loss (mean over seeds), one panel per ablation, the baseline in each; every training once.

    Args:
        expansion: the study's.
        summary: the arms that are drawn.
        trained: their training losses.

    Returns:
        PNG bytes, or None while nothing is trained.
    """
    curves = {
        name: [(images, statistics.fmean(seeds.values())) for images, seeds in own.items()]
        for name, own in trained.items()
    }
    if not any(curves.values()):
        return None

    def draw(axes: Any, label: str, arm: ArmSummary, colour: str, order: int) -> None:
        curve = curves.get(arm.arm.name, [])
        if curve:
            axes.plot([x for x, _ in curve], [y for _, y in curve], color=colour, lw=1.1, zorder=order, label=label)

    drawn = [loss for curve in curves.values() for _, loss in curve]
    others = {*curves} - {expansion.baseline.name}
    views = tuple(view for view in expansion.ablations if any(name in others for _, name in view.arms))
    shown = replace(expansion, ablations=views or expansion.ablations)
    return _panels(shown, summary, draw, "training loss", lambda axes: _metric_scale(axes, drawn, at=3.0))


def _panels(
    expansion: Expansion, summary: Summary, draw: Any, title: str, scale: Any, ticks: Sequence[int] = ()
) -> bytes:
    from matplotlib.ticker import FixedLocator, MaxNLocator

    views = expansion.ablations
    columns = min(3, len(views)) or 1
    rows = math.ceil(len(views) / columns) or 1
    with canvas(
        7.2,
        0.4 + (2.1 if columns == 3 else 2.6) * rows,
        nrows=rows,
        ncols=columns,
        sharex=True,
        sharey=True,
        squeeze=False,
    ) as (figure, grid):
        flat = list(grid.flat)
        for axes, view in zip(flat, views, strict=False):
            others = [(label, summary.arm(name)) for label, name in view.arms if name != expansion.baseline.name]
            for index, (label, arm) in enumerate(others):
                draw(axes, label, arm, OKABE_ITO[index % len(OKABE_ITO)], 3)
            own = next((label for label, name in view.arms if name == expansion.baseline.name), None)
            draw(axes, own_label(own or "baseline"), summary.baseline, BASELINE, 4)
            axes.set_title(view.name, fontsize=8.5)
            scale(axes)
            axes.xaxis.set_major_formatter(lambda value, _: short(round(value)))
            axes.xaxis.set_major_locator(FixedLocator(ticks) if 0 < len(ticks) <= 5 else MaxNLocator(4))
            if axes.lines:
                axes.legend(fontsize=6.5, handlelength=1.2, labelspacing=0.25, borderaxespad=0.2)
        for axes in flat[len(views) :]:
            axes.set_axis_off()
        figure.supxlabel("images seen", fontsize=8.5)
        figure.supylabel(title, fontsize=8.5)
        return png(figure)


def last(arm: ArmSummary) -> tuple[int, float] | None:
    """Returns where the arm stands: its final mean, or that at the last rung it reached; None for nothing finite."""
    images = arm.stop.images if arm.stop is not None and not arm.finals else arm.last_images
    found = arm.final or arm.at(images)
    if found is None or not math.isfinite(found.mean):
        return None
    return images, found.mean


def _metric_scale(axes: Any, values: list[float], at: float = 6.0) -> None:
    """Uses a logarithmic y axis when values are positive and span more than a factor of ``at``."""
    finite = [value for value in values if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) / min(finite) > at:
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)


def _label_points(axes: Any, points: list[tuple[ArmSummary, int, float]], style: dict[str, tuple[str, str]]) -> None:
    """Names the points to their right, moved apart where they would overlap."""
    pixels = [tuple(axes.transData.transform((arm.cost.gmacs, value))) for arm, _, value in points]
    scale = 72 / axes.figure.dpi
    near: list[list[int]] = []
    for index in sorted(range(len(points)), key=lambda i: pixels[i][0]):
        if near and pixels[index][0] - pixels[near[-1][-1]][0] < 90 / scale:
            near[-1].append(index)
        else:
            near.append([index])
    for group in near:
        heights = spread_labels([pixels[index][1] * scale for index in group], 8.5)
        for index, height in zip(group, heights, strict=True):
            arm, images, value = points[index]
            x, y = pixels[index]
            beside = _end_of_cluster(x, [pixels[other][0] for other in group], 16 / scale)
            axes.annotate(
                arm.arm.name + ("" if arm.finals else f" @{images:,}"),
                (arm.cost.gmacs, value),
                xytext=((beside - x) * scale + 9, height - y * scale),
                textcoords="offset points",
                va="center",
                fontsize=7,
                color=style[arm.arm.name][0],
                zorder=4,
            )


def _end_of_cluster(x: float, xs: Sequence[float], gap: float) -> float:
    """Returns the last of the points that follow ``x`` without a gap: labels start to the right of it, aligned."""
    for other in sorted(xs):
        if x < other <= x + gap:
            x = other
    return x


def _legend(figure: Any, expansion: Expansion, summary: Summary, style: dict[str, tuple[str, str]]) -> None:
    from matplotlib.lines import Line2D

    def entry(label: str, colour: str, marker: str, filled: bool = True) -> Any:
        face = colour if filled else "white"
        size = 10 if marker == "*" else 6
        return Line2D(
            [], [], linestyle="", marker=marker, color=colour, markerfacecolor=face, markersize=size, label=label
        )

    entries = [entry("baseline", BASELINE, "*")]
    used = {style[arm.arm.name] for arm in summary.arms}
    for index, view in enumerate(expansion.ablations):
        if look(index) in used:
            entries.append(entry(view.name, *look(index)))
    if any(not arm.finals and last(arm) for arm in summary.arms):
        entries.append(entry("hollow: not at full length, value of its last rung", "#777777", "o", filled=False))
    figure.legend(handles=entries, loc="outside lower center", ncols=3, fontsize=7.5, handletextpad=0.2)


def losses(summary: Summary, store: Store) -> Losses:
    """Returns the training losses of all arms that are trained for themselves."""
    trained = [arm for arm in summary.arms if arm.arm.name not in summary.weights_of]
    return {arm.arm.name: _losses(arm, store, summary.study.budget_images) for arm in trained}


def _losses(arm: ArmSummary, store: Store, budget: int) -> dict[int, dict[int, float]]:
    """Returns images -> seed -> training loss, up to the budget, where all seeds that have a curve have a point."""
    found: dict[int, dict[int, float]] = {}
    for status in arm.statuses:
        for stretch in store.curve(status.train_id):
            for point in stretch.points:
                if point.images <= budget and math.isfinite(point.loss):
                    found.setdefault(point.images, {})[status.trial.seed] = point.loss
    seeds = max((len(values) for values in found.values()), default=0)
    return {images: values for images, values in sorted(found.items()) if len(values) == seeds}
