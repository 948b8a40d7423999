"""The report's figures: a picture for the Markdown, and for the page what is drawn there, from the same data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from search_spaces.types import AblationView
from service.analysis import numbers
from service.analysis.numbers import MetricFormat
from service.analysis.summary import Summary
from service.records.store import Store
from service.report import figures
from service.report.abridged import Abridged
from service.report.heat_map import grid_of, heat_map
from service.report.page.chart import Chart
from service.report.page.overview import gflops_chart, loss_chart, progress_chart
from service.report.page.sections import heat_chart
from service.report.page.verdicts import verdict_chart
from service.report.samples import SampleSheet, Strip
from service.report.verdict_figure import Line, lines_of, verdict_figure


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes:
        name: file name in ``figures/``.
        data: PNG bytes.
        caption: one or two sentences.
        alt: what it shows, for those who do not see it.
        chart: what the page draws in its place.
        strips: what the page shows in its place, of samples.
    """

    name: str
    data: bytes
    caption: str
    alt: str
    chart: Chart | None = None
    strips: tuple[Strip, ...] = ()

    @property
    def slug(self) -> str:
        """The name without its suffix: the figure's place in the page, and the name of what is downloaded."""
        return self.name.removesuffix(".png")


def heat_picture(view: AblationView, summary: Summary, shown: MetricFormat) -> Picture | None:
    """Returns the heat map of a grid of two axes; None for any other question."""
    grid = grid_of(view, summary)
    if grid is None:
        return None
    down, across = (axis.replace("_", " ") for axis in grid.axes)
    return Picture(
        f"heat-map-{_slug(view)}.png",
        heat_map(grid, shown),
        f"Means over the seeds, {down} by {across}; the lighter, the better.",
        f"Heat map of {view.name}",
        heat_chart(grid, shown),
    )


def question_picture(view: AblationView, summary: Summary, shown: MetricFormat) -> Picture | None:
    """Returns one question's verdicts as a figure; None where it would add nothing to the figure of all of them."""
    lines = _shown_lines(summary, [view.name])
    if len(summary.expansion.ablations) == 1 or len(lines) < 2:
        return None
    data = verdict_figure(summary.verdicts, lines)
    if data is None:
        return None
    return Picture(
        f"verdicts-{_slug(view)}.png",
        data,
        f"The comparisons of {view.name} with their simultaneous intervals.",
        f"Interval plot of the comparisons of {view.name}",
        verdict_chart(summary.verdicts, lines, shown),
    )


def samples_picture(view: AblationView, sheet: SampleSheet) -> Picture:
    """Returns a question's samples."""
    classes = f", classes {', '.join(map(str, sheet.labels))}" if sheet.labels else ""
    return Picture(
        f"samples-{_slug(view)}.png",
        sheet.png,
        f"Samples of seed {sheet.seed}{classes}; every row starts from the same noise.",
        f"Sample images, one row per arm of {view.name}",
        strips=sheet.strips,
    )


def overview(part: Abridged, store: Store, shown: MetricFormat) -> dict[str, Picture | None]:
    """Returns the figures of the whole study by ``verdicts``, ``gflops``, ``progress`` and ``loss``."""
    summary, others = part.summary, part.others
    expansion, metric = summary.expansion, summary.study.primary_metric
    trained = figures.losses(summary, store)
    grey = f" Grey: the other {len(others):,} arms." if others else ""
    band = f" Grey: where four fifths of the other {len(others):,} arms lie." if others else ""
    drawn: dict[str, tuple[bytes | None, str, str, Chart | None]] = {
        "gflops": (
            figures.gflops_against_metric(expansion, summary, others),
            f"Cost against quality. Filled: mean over the seeds that ran to the budget, {summary.compared.text}, "
            "with the standard deviation as a bar. Hollow: stopped or not finished, at the last rung (images after @)."
            f"{grey}",
            f"Scatter plot of Gflops against {metric}, one point per arm",
            gflops_chart(expansion, summary, others, shown),
        ),
        "progress": (
            figures.metric_by_images(expansion, summary, others),
            f"{metric} at every rung, mean over seeds. A cross marks where an arm was stopped.{band}",
            f"Line plots of {metric} against images seen, one panel per ablation",
            progress_chart(expansion, summary, others, shown),
        ),
        "loss": (
            figures.training_loss(expansion, summary, trained),
            "Training loss (mean squared error plus variational term), mean over seeds.",
            "Line plots of the training loss, one panel per ablation",
            loss_chart(expansion, summary, trained),
        ),
    }
    names = {"gflops": "gflops-against-metric.png", "progress": "metric-by-images.png", "loss": "training-loss.png"}
    return {"verdicts": _everything(summary, shown)} | {
        key: Picture(names[key], data, caption, alt, chart) if data is not None else None
        for key, (data, caption, alt, chart) in drawn.items()
    }


def _everything(summary: Summary, shown: MetricFormat) -> Picture | None:
    """All verdicts as a figure; None where nothing is measured."""
    lines = _shown_lines(summary, [view.name for view in summary.expansion.ablations])
    data = verdict_figure(summary.verdicts, lines)
    level = numbers.percent(1 - summary.verdicts.level)
    return None if data is None else Picture(
        "verdicts.png",
        data,
        f"Every comparison of this study. Bars are simultaneous {level} intervals: all of them together hold the true "
        "values with that confidence. Filled: clear or equivalent. Hollow: undecided. Arrows: the interval goes on.",
        f"Interval plot of all comparisons in {summary.study.primary_metric}",
        verdict_chart(summary.verdicts, lines, shown),
    )  # fmt: skip


def _shown_lines(summary: Summary, questions: list[str]) -> list[Line]:
    """The rows of some questions, without the arms that are not shown."""
    lines = lines_of(summary.verdicts, questions)
    if summary.judged is None:
        return lines
    shown = {arm.arm.name for arm in summary.arms}
    return [line for line in lines if line.verdict is None or line.verdict.contrast.arm in shown]


def _slug(view: AblationView) -> str:
    return re.sub(r"[^a-z0-9]+", "-", view.name.lower()).strip("-") or "ablation"
