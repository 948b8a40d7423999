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
from service.report.abridged import DRAWN, MOST_ARMS, Abridged
from service.report.heat_map import grid_of, heat_map
from service.report.page.chart import Chart
from service.report.page.overview import gflops_chart, loss_chart, progress_chart
from service.report.page.sections import heat_chart
from service.report.page.spread import spread_chart
from service.report.page.verdicts import verdict_chart
from service.report.samples import SampleSheet, Strip
from service.report.spread_figure import spread_figure, spread_of
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


def question_picture(view: AblationView, part: Abridged, shown: MetricFormat) -> Picture | None:
    """Returns one question's verdicts as a figure; None where it would add nothing to the figure of all of them."""
    summary = part.summary
    lines = _shown_lines(summary, [view.name])
    if len(summary.expansion.ablations) == 1 or (len(lines) < 2 and not _by_question(summary)):
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


def samples_picture(view: AblationView, sheet: SampleSheet, arms: int) -> Picture:
    """Returns a question's samples; ``arms`` is how many it has."""
    classes = f", classes {', '.join(map(str, sheet.labels))}" if sheet.labels else ""
    return Picture(
        f"samples-{_slug(view)}.png",
        sheet.png,
        f"Samples of seed {sheet.seed}{classes}; every row starts from the same noise.{_few(len(view.arms), arms)}",
        f"Sample images, one row per arm of {view.name}",
        strips=sheet.strips,
    )


def overview(part: Abridged, store: Store, shown: MetricFormat) -> dict[str, Picture | None]:
    """Returns the figures of the whole study by ``verdicts``, ``gflops``, ``progress`` and ``loss``."""
    summary, others, drawn, undrawn = part.summary, part.others, part.drawn, part.undrawn
    expansion, metric = summary.expansion, summary.study.primary_metric
    trained = figures.losses(drawn, store)
    grey = f" Grey: the other {len(others):,} arms." if others else ""
    few = f" Of every question the best {DRAWN} arms are drawn." if undrawn else ""
    band = f"{few} Grey: where four fifths of the other {len(undrawn):,} arms lie." if undrawn else ""
    all_drawn: dict[str, tuple[bytes | None, str, str, Chart | None]] = {
        "gflops": (
            figures.gflops_against_metric(expansion, summary, others, part.named),
            f"Cost against quality. Filled: mean over the seeds that ran to the budget, {summary.compared.text}, "
            "with the standard deviation as a bar. Hollow: stopped or not finished, at the last rung (images after @)."
            f"{grey}",
            f"Scatter plot of Gflops against {metric}, one point per arm",
            gflops_chart(expansion, summary, others, shown),
        ),
        "progress": (
            figures.metric_by_images(drawn.expansion, drawn, undrawn),
            f"{metric} at every rung, mean over seeds. A cross marks where an arm was stopped.{band}",
            f"Line plots of {metric} against images seen, one panel per ablation",
            progress_chart(drawn.expansion, drawn, undrawn, shown),
        ),
        "loss": (
            figures.training_loss(drawn.expansion, drawn, trained),
            f"Training loss (mean squared error plus variational term), mean over seeds.{few}",
            "Line plots of the training loss, one panel per ablation",
            loss_chart(drawn.expansion, drawn, trained),
        ),
    }
    names = {"gflops": "gflops-against-metric.png", "progress": "metric-by-images.png", "loss": "training-loss.png"}
    return {"verdicts": _everything(summary, shown)} | {
        key: Picture(names[key], data, caption, alt, chart) if data is not None else None
        for key, (data, caption, alt, chart) in all_drawn.items()
    }


def _everything(summary: Summary, shown: MetricFormat) -> Picture | None:
    """All verdicts as a figure; None where nothing is measured."""
    if _by_question(summary):
        return _spread(summary, shown)
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


def _by_question(summary: Summary) -> bool:
    """Whether all verdicts would be too many rows, so that a row is a question and every comparison a mark in it."""
    questions = [view.name for view in summary.expansion.ablations]
    return summary.judged is not None and len(questions) > 1 and len(_shown_lines(summary, questions)) > MOST_ARMS


def _spread(summary: Summary, shown: MetricFormat) -> Picture | None:
    """All verdicts, a question a row; None where nothing is measured."""
    rows = spread_of(summary.verdicts, [view.name for view in summary.expansion.ablations])
    data = spread_figure(summary.verdicts, rows)
    return None if data is None else Picture(
        "verdicts.png",
        data,
        "Every comparison of this study, a row per question: a mark is an estimate, its colour what may be said of it. "
        "The intervals of the best arms are in the figures of their questions.",
        f"Strip plot of all comparisons in {summary.study.primary_metric}, one row per question",
        spread_chart(summary.verdicts, rows, shown),
    )  # fmt: skip


def _few(drawn: int, arms: int) -> str:
    return f" The best of {arms:,} arms." if drawn < arms else ""


def _shown_lines(summary: Summary, questions: list[str]) -> list[Line]:
    """The rows of some questions, without the arms that are not shown."""
    lines = lines_of(summary.verdicts, questions)
    if summary.judged is None:
        return lines
    shown = {arm.arm.name for arm in summary.arms}
    return [line for line in lines if line.verdict is None or line.verdict.contrast.arm in shown]


def _slug(view: AblationView) -> str:
    return re.sub(r"[^a-z0-9]+", "-", view.name.lower()).strip("-") or "ablation"
