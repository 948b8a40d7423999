"""Names beside the points of a scatter plot: each where there is room for it, and none where there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.report.page.chart import words

_LETTER, _LINE, _GAP = 6.4, 15.0, 8.0
"""Pixels: a letter's width, a line's height, and from a point to its name."""
_SIDES = (("center", "bottom", 0, 1), ("center", "top", 0, -1), ("left", "middle", 1, 0), ("right", "middle", -1, 0))
"""Horizontal anchor, vertical anchor, and the direction in which a name lies from its point."""


@dataclass(frozen=True)
class Named:
    """A point with a name.

    Attributes:
        x: where it lies across, on the figure's scale: the logarithm where the axis is logarithmic.
        y: the same, up.
        name: what stands beside it.
        colour: of the name.
    """

    x: float
    y: float
    name: str
    colour: str


def names(
    points: Sequence[Named],
    spans: tuple[tuple[float, float], tuple[float, float]],
    size: tuple[int, int],
    most: int = 28,
) -> list[dict[str, Any]]:
    """Returns annotations with the points' names; the first points get theirs first.

    Args:
        points: the points, the most important ones first.
        spans: the ranges of the two axes.
        size: of the plot, in pixels.
        most: letters of a name.
    """
    across, up = spans
    places = [(_pixel(point.x, *across, size[0]), _pixel(point.y, *up, size[1])) for point in points]
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in places]
    found = []
    for point, (x, y) in zip(points, places, strict=True):
        text = point.name if len(point.name) <= most else f"{point.name[: most - 1]}…"
        wide = _LETTER * len(text)
        for anchor_x, anchor_y, dx, dy in _SIDES:
            left = {"center": x - wide / 2, "left": x + _GAP, "right": x - _GAP - wide}[anchor_x]
            below = {"bottom": y + _GAP, "top": y - _GAP - _LINE, "middle": y - _LINE / 2}[anchor_y]
            box = left, below, left + wide, below + _LINE
            inside = left >= -20 and box[2] <= size[0] + 10 and below >= 0 and box[3] <= size[1] + 10
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                found.append(
                    {
                        "x": point.x, "y": point.y, "text": words(text), "showarrow": False, "xanchor": anchor_x,
                        "yanchor": anchor_y, "xshift": dx * _GAP, "yshift": dy * _GAP,
                        "font": {"size": 11, "color": point.colour},
                    }
                )  # fmt: skip
                break
    return found


def _pixel(value: float, low: float, high: float, extent: int) -> float:
    return extent * (value - low) / (high - low) if high > low and math.isfinite(value) else extent / 2


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
