"""The page's figure of very many verdicts: a row per question, every comparison's numbers at the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dit_core.metrics.direction import better
from service.analysis.numbers import MetricFormat
from service.report.page.chart import Chart, Panel, axis, figure, titled, words
from service.report.page.palette import SOFT
from service.report.page.verdicts import COLUMNS, LOOKS, numbers_of, reach_of, told
from service.report.spread_figure import Spread, is_relative
from service.report.verdict_figure import Line, colour, percent_ticks, placed
from service.statistics.verdict import Verdicts

_ROW, _AROUND = 34, 110


def spread_chart(verdicts: Verdicts, rows: Sequence[Spread], shown: MetricFormat) -> Chart | None:
    """Draws every estimate as a mark in its question's row.

    Returns:
        None where nothing was measured.
    """
    measured = [verdict for row in rows for _, verdict in row.measured]
    if not measured:
        return None
    relative = is_relative(rows)
    reach = reach_of(measured, relative, 0.0)
    ticks: dict[str, Any] = {}
    if relative:
        ticks["tickvals"], ticks["ticktext"] = percent_ticks(*reach)
    drawn = figure(
        _ROW * len(rows) + _AROUND,
        xaxis={
            "range": list(reach),
            "title": titled(
                f"{'change' if relative else 'difference'} in {verdicts.metric} ({better(verdicts.metric)} is better)"
            ),
            **ticks,
        },
        yaxis=axis(
            range=[len(rows) - 0.4, -0.6],
            tickvals=list(range(len(rows))),
            ticktext=[f"{words(row.question, 44)}<br><sub>{words(row.counts)}</sub>" for row in rows],
            ticks="",
        ),
        shapes=[
            {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": SOFT, "width": 1}}
        ],
    )
    placed_rows = [(place, line, verdict) for place, row in enumerate(rows) for line, verdict in row.measured]
    for shade, (meaning, symbol) in LOOKS.items():
        own = [found for found in placed_rows if colour(found[2]) == shade]
        if own:
            drawn.add_scatter(
                x=[placed(verdict, relative)[0] for _, _, verdict in own], y=[place for place, _, _ in own],
                mode="markers", name=meaning, hoverinfo="text",
                hovertext=[told(line, verdict, relative, shown, verdicts.metric) for _, line, verdict in own],
                marker={"symbol": symbol, "size": 8, "color": shade, "opacity": 0.6, "line": {"width": 0}},
            )  # fmt: skip
    numbers = numbers_of([line for row in rows for line in (Line(row.question), *row.lines)])
    return Chart((Panel(drawn, drawn.layout.height),), COLUMNS, tuple(numbers))
