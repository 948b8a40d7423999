"""A figure of the page: what Plotly draws, and what its CSV button gives."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.analysis.numbers import significant
from service.report.page.palette import INK, LINE, PAPER, SOFT

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
CLEAR = "rgba(0,0,0,0)"


@dataclass(frozen=True)
class Panel:
    """One plot.

    Attributes:
        figure: a ``plotly.graph_objects.Figure``.
        height: in CSS pixels.
        title: what stands above it; empty for none.
        narrow: settings of the layout that differ on a phone, by their dotted path.
        narrow_height: in CSS pixels, on a phone; 0 for the same.
    """

    figure: Any
    height: int
    title: str = ""
    narrow: Mapping[str, Any] = field(default_factory=dict)
    narrow_height: int = 0

    def to_json(self) -> dict[str, Any]:
        """Returns what the page's script reads."""
        drawn = json.loads(self.figure.to_json())
        return {
            "data": drawn["data"],
            "layout": drawn["layout"],
            "narrow": dict(self.narrow),
            "height": self.height,
            "narrowHeight": self.narrow_height or self.height,
        }


@dataclass(frozen=True)
class Chart:
    """A figure: one panel or several, and its numbers.

    Attributes:
        panels: the plots, which stand beside each other where there is room.
        columns: of the CSV.
        rows: of the CSV.
        note: what the page's figure shows beyond the picture, a sentence.
    """

    panels: tuple[Panel, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""

    def __bool__(self) -> bool:
        return bool(self.panels)

    @property
    def script(self) -> str:
        """The chart as JSON that may stand inside a ``<script>``."""
        content = {"panels": [p.to_json() for p in self.panels], "csv": [self.columns, *map(_plain, self.rows)]}
        return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def figure(height: int, **layout: Any) -> Any:
    """Returns an empty figure in the page's style; ``layout`` is added to it."""
    import plotly.graph_objects as go

    own: dict[str, Any] = {
        "template": {},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"family": FONT, "size": 12, "color": INK},
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "height": height,
        "hovermode": "closest",
        "showlegend": True,
        "hoverlabel": {"bgcolor": PAPER, "bordercolor": SOFT, "font": {"color": INK, "size": 12}, "align": "left"},
        "legend": {
            "orientation": "h",
            "y": -0.02,
            "yref": "container",
            "yanchor": "bottom",
            "x": 0,
            "font": {"size": 12},
        },
        "xaxis": axis(),
        "yaxis": axis(),
    }
    for key, value in layout.items():
        known = own.get(key)
        own[key] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
    return go.Figure(layout=own)


def axis(**settings: Any) -> dict[str, Any]:
    """Returns an axis in the page's style; ``settings`` are added to it."""
    own: dict[str, Any] = {
        "gridcolor": LINE,
        "linecolor": SOFT,
        "tickcolor": SOFT,
        "zeroline": False,
        "automargin": True,
        "ticks": "outside",
        "ticklen": 4,
        "exponentformat": "power",
    }
    return {**own, **settings}


def titled(text: str) -> dict[str, Any]:
    """Returns an axis's title."""
    return {"text": words(text), "standoff": 8, "font": {"size": 12, "color": SOFT}}


def words(text: str, most: int = 0) -> str:
    """Returns text as Plotly shows it as it stands: nothing in it is markup. Beyond ``most`` characters it is cut."""
    if most and len(text) > most:
        text = f"{text[: most - 1]}…"
    return html.escape(text, quote=False)


def lines(*parts: str) -> str:
    """Returns a text of several lines for a hover label, without the empty ones; the first is bold."""
    first, *rest = [words(part) for part in parts if part]
    return "<br>".join([f"<b>{first}</b>", *rest])


def logarithmic(values: Sequence[float], at: float = 6.0) -> bool:
    """Whether an axis through these values is logarithmic: all positive, and more than a factor of ``at`` apart."""
    finite = [value for value in values if math.isfinite(value)]
    return bool(finite) and min(finite) > 0 and max(finite) / min(finite) > at


def scale(values: Sequence[float], at: float = 6.0) -> dict[str, Any]:
    """Returns the settings of an axis through these values, with a little room around them.

    Args:
        values: what is drawn.
        at: a factor; the axis is logarithmic where the values are positive and farther apart.
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if low == high and low > 0:
        return {"type": "log", "range": [math.log10(low) - 0.3, math.log10(low) + 0.3], **_ticks(low / 2, low * 2)}
    if not logarithmic(values, at):
        room = 0.06 * (high - low) or 1.0
        return {"type": "linear", "range": [low - room, high + room]}
    room = 0.06 * math.log10(high / low)
    ends = math.log10(low) - room, math.log10(high) + room
    return {"type": "log", "range": list(ends), **_ticks(10 ** ends[0], 10 ** ends[1])}


def _ticks(low: float, high: float) -> dict[str, Any]:
    """Round places of a logarithmic axis, up to seven of them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,)):
        found = [place for power in powers for step in steps if low <= (place := step * 10.0**power) <= high]
        if len(found) <= 7:
            break
    found = found[:: -(-len(found) // 7) or 1]
    return {"tickvals": found, "ticktext": [significant(place, 3) for place in found]}


def _plain(row: Sequence[Any]) -> list[Any]:
    return [None if isinstance(cell, float) and not math.isfinite(cell) else cell for cell in row]
