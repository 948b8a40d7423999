"""A grid of two axes as a heat map: the mean of every cell, and where there is none."""

from __future__ import annotations

from dit_core.metrics.direction import better
from search_spaces.types import AblationView
from service.analysis.numbers import MetricFormat
from service.analysis.summary import Summary
from service.report.style import canvas, png


def heat_map(view: AblationView, summary: Summary, shown: MetricFormat) -> bytes | None:
    """Draws the cells' means; PNG bytes, or None for what is no grid of two axes or has no result.

    Args:
        view: the question.
        summary: the study's results.
        shown: how values of the metric are written.
    """
    axes_of = view.axis.split(", ")
    if len(axes_of) != 2 or any("" in cell for cell in view.cells.values()):
        return None
    down, across = (tuple(dict.fromkeys(cell[place] for cell in view.cells.values())) for place in (0, 1))
    means = {cell: own.mean for arm, cell in view.cells.items() if (own := summary.arm(arm).final) is not None}
    if min(len(down), len(across)) < 2 or not means:
        return None
    metric = summary.study.primary_metric
    values = [[means.get((row, column), float("nan")) for column in across] for row in down]
    low, high = min(means.values()), max(means.values())
    with canvas(1.9 + 0.85 * len(across), 1.3 + 0.42 * len(down)) as (drawing, axes):
        # the better, the lighter, whichever way the metric points
        image = axes.imshow(values, cmap="viridis" if better(metric) == "higher" else "viridis_r", aspect="auto")
        axes.set_xticks(range(len(across)), across)
        axes.set_yticks(range(len(down)), down)
        axes.set_ylabel(axes_of[0].replace("_", " "))
        axes.set_xlabel(axes_of[1].replace("_", " "))
        axes.grid(visible=False)
        for y, row in enumerate(down):
            for x, column in enumerate(across):
                mean = means.get((row, column))
                light = mean is None or (mean - low > (high - low) / 2) == (better(metric) == "higher")
                text = "no result" if mean is None else shown.value(mean)
                axes.text(x, y, text, ha="center", va="center", fontsize=7, color="#111111" if light else "#FFFFFF")
        drawing.colorbar(image, ax=axes, label=f"{metric} ({better(metric)} is better)")
        return png(drawing)
