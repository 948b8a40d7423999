"""A grid of two axes as a heat map: the mean of every cell, and where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dit_core.metrics.direction import better
from search_spaces.types import AblationView
from service.analysis.numbers import MetricFormat
from service.analysis.summary import Summary
from service.report.style import canvas, png


@dataclass(frozen=True)
class Grid:
    """The means of a grid of two axes.

    Attributes:
        axes: the axis whose values go down, and the one whose values go across.
        down: values of the first.
        across: values of the second.
        means: (value of the first, value of the second) -> mean at the budget, where there is one.
        metric: what they are means of.
    """

    axes: tuple[str, str]
    down: tuple[str, ...]
    across: tuple[str, ...]
    means: Mapping[tuple[str, ...], float]
    metric: str


def grid_of(view: AblationView, summary: Summary) -> Grid | None:
    """Returns a question's grid; None for what is no grid of two axes or has no result."""
    axes_of = view.axis.split(", ")
    if len(axes_of) != 2 or any("" in cell for cell in view.cells.values()):
        return None
    down, across = (tuple(dict.fromkeys(cell[place] for cell in view.cells.values())) for place in (0, 1))
    means = {cell: own.mean for arm, cell in view.cells.items() if (own := summary.arm(arm).final) is not None}
    if min(len(down), len(across)) < 2 or not means:
        return None
    return Grid((axes_of[0], axes_of[1]), down, across, means, summary.study.primary_metric)


def heat_map(grid: Grid, shown: MetricFormat) -> bytes:
    """Draws the cells' means; PNG bytes."""
    means, metric, down, across = grid.means, grid.metric, grid.down, grid.across
    values = [[means.get((row, column), float("nan")) for column in across] for row in down]
    low, high = min(means.values()), max(means.values())
    with canvas(1.9 + 0.85 * len(across), 1.3 + 0.42 * len(down)) as (drawing, axes):
        # the better, the lighter, whichever way the metric points
        image = axes.imshow(values, cmap="viridis" if better(metric) == "higher" else "viridis_r", aspect="auto")
        axes.set_xticks(range(len(across)), across)
        axes.set_yticks(range(len(down)), down)
        axes.set_ylabel(grid.axes[0].replace("_", " "))
        axes.set_xlabel(grid.axes[1].replace("_", " "))
        axes.grid(visible=False)
        for y, row in enumerate(down):
            for x, column in enumerate(across):
                mean = means.get((row, column))
                light = mean is None or (mean - low > (high - low) / 2) == (better(metric) == "higher")
                text = "no result" if mean is None else shown.value(mean)
                axes.text(x, y, text, ha="center", va="center", fontsize=7, color="#111111" if light else "#FFFFFF")
        drawing.colorbar(image, ax=axes, label=f"{metric} ({better(metric)} is better)")
        return png(drawing)
