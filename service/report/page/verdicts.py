"""The page's figure of verdicts: every comparison's estimate and interval, with its numbers at the pointer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dit_core.metrics.direction import better
from service.analysis import verdict_text
from service.analysis.numbers import MINUS, MetricFormat, plural
from service.report.page.chart import CLEAR, Chart, Panel, axis, figure, lines, titled, words
from service.report.page.palette import INK, PAPER, SOFT
from service.report.verdict_figure import BETTER, FAR, OPEN, SAME, WORSE, Line, colour, percent_ticks, placed
from service.statistics.verdict import Status, Verdict, Verdicts

LOOKS = {
    BETTER: ("clear, better", "circle"),
    WORSE: ("clear, worse", "diamond"),
    SAME: ("equivalent", "square"),
    OPEN: ("undecided", "circle"),
}
"""Colour -> what it says, and the marker that says the same to those who cannot tell colours apart."""
_ROW, _NARROW_ROW, _AROUND = 24, 40, 110
COLUMNS = (
    "question", "label", "kind", "verdict", "difference", "low", "high", "ratio", "ratio_low", "ratio_high", "p",
    "seeds",
)  # fmt: skip


def verdict_chart(verdicts: Verdicts, rows: Sequence[Line], shown: MetricFormat) -> Chart | None:
    """Draws rows of verdicts, as changes in percent where the metric is positive and as differences elsewhere.

    Returns:
        None where nothing was measured.
    """
    measured = [line.verdict for line in rows if line.verdict is not None and line.verdict.difference is not None]
    if not measured:
        return None
    relative = all(verdict.ratio is not None for verdict in measured)
    limit = FAR * max((abs(placed(verdict, relative)[0]) for verdict in measured), default=0.0) or 1.0
    reach = reach_of(measured, relative, limit)
    change = "change" if relative else "difference"
    wide, narrow = (percent_ticks(*reach, apart) if relative else None for apart in (10, 4.5))
    drawn = figure(
        _ROW * len(rows) + _AROUND,
        xaxis={
            "range": list(reach),
            "title": titled(f"{change} in {verdicts.metric} ({better(verdicts.metric)} is better)"),
            **({"tickvals": wide[0], "ticktext": wide[1]} if wide else {}),
        },
        yaxis=axis(
            range=[len(rows) - 0.4, -0.6],
            tickvals=list(range(len(rows))),
            ticktext=[_heading(line, 44) for line in rows],
            showgrid=False,
            ticks="",
        ),
        shapes=[
            {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": SOFT, "width": 1}}
        ],
    )
    places = [(place, line, line.verdict) for place, line in enumerate(rows) if line.verdict is not None]
    for shade, (meaning, symbol) in LOOKS.items():
        own = [(p, line, v) for p, line, v in places if v.difference is not None and colour(v) == shade]
        if own:
            _draw(drawn, own, shade, meaning, symbol, (relative, limit, shown, verdicts.metric))
    for place, _, verdict in places:
        if verdict.difference is None:
            drawn.add_annotation(
                x=0, y=place, text=words(f"  {verdict.reason or verdict.status}", 60), showarrow=False, xanchor="left",
                font={"size": 11, "color": SOFT},
            )  # fmt: skip
    # on a phone names stand above their rows, where they leave the whole width to the intervals
    above = [
        {
            "xref": "paper", "x": 0, "xanchor": "left", "y": place - 0.42, "yanchor": "middle", "showarrow": False,
            "text": _heading(line, 52), "font": {"size": 12, "color": INK}, "bgcolor": CLEAR,
        }
        for place, line in enumerate(rows)
    ]  # fmt: skip
    slim: dict[str, Any] = {
        "annotations": [*(note.to_plotly_json() for note in drawn.layout.annotations), *above],
        "yaxis.showticklabels": False,
        "yaxis.range": [len(rows) - 0.4, -0.8],
    }
    if narrow:
        slim |= {"xaxis.tickvals": narrow[0], "xaxis.ticktext": narrow[1]}
    panel = Panel(drawn, drawn.layout.height, "", slim, _NARROW_ROW * len(rows) + _AROUND + 10)
    return Chart((panel,), COLUMNS, tuple(numbers_of(rows)))


def _heading(line: Line, most: int) -> str:
    text = words(line.label, most)
    return f"<b>{text}</b>" if line.verdict is None else text


def reach_of(measured: Sequence[Verdict], relative: bool, limit: float) -> tuple[float, float]:
    """Returns the ends of an axis that has all estimates and intervals, these up to ``limit``."""
    ends = [0.0]
    for verdict in measured:
        at, low, high = placed(verdict, relative)
        ends += [at, max(at if low is None else low, -limit), min(at if high is None else high, limit)]
    room = 0.06 * (max(ends) - min(ends)) or 1.0
    return min(ends) - room, max(ends) + room


def _draw(
    drawn: Any,
    own: Sequence[tuple[int, Line, Verdict]],
    shade: str,
    meaning: str,
    symbol: str,
    how: tuple[bool, float, MetricFormat, str],
) -> None:
    relative, limit, shown, metric = how
    xs, ys, texts, more, less = [], [], [], [], []
    cut: list[tuple[float, int, str]] = []
    for place, line, verdict in own:
        at, low, high = placed(verdict, relative)
        xs.append(at)
        ys.append(place)
        texts.append(told(line, verdict, relative, shown, metric))
        low, high = (at if end is None else end for end in (low, high))
        more.append(min(high, limit) - at)
        less.append(at - max(low, -limit))
        cut += [(-limit, place, "triangle-left")] * (low < -limit) + [(limit, place, "triangle-right")] * (high > limit)
    drawn.add_scatter(
        x=xs, y=ys, mode="markers", name=meaning, hovertext=texts, hoverinfo="text",
        marker={
            "symbol": symbol, "size": 10, "color": PAPER if shade == OPEN else shade,
            "line": {"color": shade, "width": 2},
        },
        error_x={"type": "data", "array": more, "arrayminus": less, "color": shade, "thickness": 2, "width": 4},
    )  # fmt: skip
    if cut:
        ends, places, arrows = zip(*cut, strict=True)
        drawn.add_scatter(
            x=ends, y=places, mode="markers", showlegend=False, hoverinfo="skip",
            marker={"symbol": arrows, "size": 9, "color": shade},
        )  # fmt: skip


def told(line: Line, verdict: Verdict, relative: bool, shown: MetricFormat, metric: str) -> str:
    """Returns what is shown at the pointer: a comparison's name and numbers."""
    share = ""
    if relative and verdict.ratio is not None:
        share = _percent(verdict.ratio)
        if verdict.ratio_low is not None and verdict.ratio_high is not None:
            share += f" [{_percent(verdict.ratio_low)}, {_percent(verdict.ratio_high)}]"
    p = verdict_text.p_value(verdict)
    parts = (
        line.label,
        verdict_text.word(verdict),
        f"{metric} {shown.difference(verdict)}",
        share,
        f"p {p}, corrected" if verdict.status is not Status.NOT_MEASURED and verdict.p is not None else "",
        plural(verdict.seeds, "seed"),
    )
    return lines(*parts)


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+,.1f} %".replace("-", MINUS) if math.isfinite(ratio) else "not finite"


def numbers_of(rows: Sequence[Line]) -> list[tuple[Any, ...]]:
    """Returns the rows of the CSV."""
    question, found = "", []
    for line in rows:
        v = line.verdict
        if v is None:
            question = line.label
            continue
        own = (v.difference, v.low, v.high, v.ratio, v.ratio_low, v.ratio_high, v.p, v.seeds)
        asked = question or next((place.question for place in v.contrast.places), "")
        found.append((asked, line.label, str(v.contrast.kind), verdict_text.word(v), *own))
    return found
