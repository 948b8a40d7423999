"""The figure of all verdicts: every comparison's estimate and simultaneous interval, coloured by what may be said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dit_core.metrics.direction import better
from service.analysis.numbers import MINUS
from service.report.style import canvas, png
from service.statistics.contrast import Kind
from service.statistics.verdict import Status, Verdict, Verdicts

BETTER, WORSE, SAME, OPEN = "#0072B2", "#D55E00", "#009E73", "#7F7F7F"
_ROW = 0.19
"""Inches per row."""
FAR = 4.0
"""Intervals that reach farther than this many times the largest estimate are cut, with an arrow."""


@dataclass(frozen=True)
class Line:
    """One row of the figure: a heading, or a comparison."""

    label: str
    verdict: Verdict | None = None


def lines_of(verdicts: Verdicts, questions: Sequence[str]) -> list[Line]:
    """Returns the rows of some questions: a heading each, if there are several, and its comparisons once each."""
    found: list[Line] = []
    for question in questions:
        rows = [
            Line(title(place.label, place.kind), verdict)
            for verdict in verdicts.question(question)
            for place in verdict.contrast.places
            if place.question == question and not (place.kind is Kind.STEP and len(verdict.contrast.places) > 1)
        ]
        if rows and len(questions) > 1:
            found.append(Line(question))
        found += rows
    return found


def title(label: str, kind: Kind) -> str:
    """Returns a comparison's name beside its row."""
    return {
        Kind.ARM: label,
        Kind.STEP: f"{label} {MINUS} step before",
        Kind.CONTROL: f"{label} {MINUS} its control",
        Kind.INTERACTION: f"{label}, interaction",
        Kind.MAIN: f"{label}, main effect",
        Kind.BESIDE: f"{label} {MINUS} its reference",
    }[kind]


def verdict_figure(verdicts: Verdicts, lines: Sequence[Line]) -> bytes | None:
    """Draws rows of verdicts, as changes in percent where the metric is positive and as differences elsewhere.

    Returns:
        PNG bytes, or None where nothing was measured.
    """
    measured = [line.verdict for line in lines if line.verdict is not None and line.verdict.difference is not None]
    if not measured:
        return None
    relative = all(verdict.ratio is not None for verdict in measured)
    limit = FAR * max((abs(placed(verdict, relative)[0]) for verdict in measured), default=0.0) or 1.0
    with canvas(7.2, 0.75 + _ROW * len(lines)) as (figure, axes):
        axes.axvline(0, color="#555555", linewidth=0.9, zorder=1)
        rows = [(place, line.verdict) for place, line in enumerate(lines) if line.verdict is not None]
        for place, verdict in rows:
            if verdict.difference is None:
                axes.annotate(
                    str(verdict.reason or verdict.status), (0, place), xytext=(4, 0), va="center",
                    textcoords="offset points", fontsize=6.5, color="#888888",
                )  # fmt: skip
        _draw(axes, [row for row in rows if row[1].difference is not None], relative, limit)
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.set_yticks(range(len(lines)), [line.label for line in lines], fontsize=7)
        for tick, line in zip(axes.get_yticklabels(), lines, strict=True):
            tick.set_fontweight("bold" if line.verdict is None else "normal")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        if relative:
            axes.set_xticks(*percent_ticks(*axes.get_xlim()))
        unit = "change" if relative else "difference"
        axes.set_xlabel(
            f"{unit} in {verdicts.metric} to what it is compared with ({better(verdicts.metric)} is better)"
        )
        verdict_legend(figure, measured)
        return png(figure)


def colour(verdict: Verdict) -> str:
    """Returns the colour of a verdict: blue and orange for clear ones, green for equivalent, grey for the rest."""
    if verdict.status is Status.CLEAR:
        return BETTER if verdict.better else WORSE
    return SAME if verdict.status is Status.EQUIVALENT else OPEN


def placed(verdict: Verdict, relative: bool) -> tuple[float, float | None, float | None]:
    """Returns estimate and interval on the figure's axis: logarithms of ratios, or differences."""
    own = (verdict.ratio, verdict.ratio_low, verdict.ratio_high) if relative else (
        verdict.difference, verdict.low, verdict.high,
    )  # fmt: skip
    at, low, high = (None if value is None else _log(value) if relative else value for value in own)
    return at or 0.0, low, high


def _log(ratio: float) -> float:
    return math.log(max(ratio, 1e-300))


def _draw(axes: Any, rows: Sequence[tuple[int, Verdict]], relative: bool, limit: float) -> None:
    """Draws the rows that have an estimate, all that looks alike at once: that is several times faster than by row."""
    bars: dict[str, list[tuple[int, float, float]]] = {}
    ends: dict[tuple[str, str], list[tuple[float, int]]] = {}
    points: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for place, verdict in rows:
        at, low, high = placed(verdict, relative)
        shade = colour(verdict)
        if low is not None and high is not None:
            left, right = max(low, -limit), min(high, limit)
            bars.setdefault(shade, []).append((place, left, right))
            for end, cut, arrow in ((left, low < -limit, "<"), (right, high > limit, ">")):
                ends.setdefault((shade, arrow if cut else "|"), []).append((end, place))
        filled = verdict.status in (Status.CLEAR, Status.EQUIVALENT)
        points.setdefault((shade, shade if filled else "white"), []).append((at, place))
    for shade, own in bars.items():
        axes.hlines(*zip(*own, strict=True), color=shade, linewidth=1.6, zorder=2)
    for (shade, marker), at_ends in ends.items():
        axes.plot(*zip(*at_ends, strict=True), linestyle="", marker=marker, markersize=4.5, color=shade, zorder=3)
    for (shade, face), at_points in points.items():
        xs, ys = zip(*at_points, strict=True)
        axes.scatter(xs, ys, s=22, facecolors=face, edgecolors=shade, linewidths=1.2, zorder=4)


_PERCENT = (-99, -95, -90, -80, -70, -60, -50, -40, -30, -20, -10, -5, -2, -1,
            0, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 900, 1900, 4900, 9900)  # fmt: skip
"""Changes that may be written at the axis."""


def percent_ticks(low: float, high: float, room: float = 10) -> tuple[list[float], list[str]]:
    """Returns places and texts of round changes in percent, the ones nearest to none first, where there is room.

    Args:
        low: where the axis begins, as the logarithm of a ratio.
        high: where it ends.
        room: how many fit.
    """
    kept: list[tuple[float, int]] = []
    for change in sorted(_PERCENT, key=abs):
        place = math.log1p(change / 100)
        if low <= place <= high and all(abs(place - other) > (high - low) / room for other, _ in kept):
            kept.append((place, change))
    return [place for place, _ in kept], [_signed(change) for _, change in kept]


def _signed(change: int) -> str:
    return f"{change:+,d} %".replace("-", MINUS) if change else "0 %"


def verdict_legend(figure: Any, measured: Sequence[Verdict]) -> None:
    """Says below a figure what the colours of its verdicts mean."""
    from matplotlib.lines import Line2D

    known = {
        BETTER: "clear, better", WORSE: "clear, worse", SAME: "equivalent", OPEN: "undecided",
    }  # fmt: skip
    used = {colour(verdict) for verdict in measured}
    handles = [
        Line2D(
            [], [], linestyle="", marker="o", markersize=5, color=shade, label=label,
            markerfacecolor="white" if shade == OPEN else shade,
        )
        for shade, label in known.items()
        if shade in used
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=7.5, handletextpad=0.2)
