"""The figure of very many verdicts: a row per question, in it every estimate, coloured by what may be said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dit_core.metrics.direction import better
from service.report.style import canvas, png
from service.report.verdict_figure import (
    BETTER,
    OPEN,
    SAME,
    WORSE,
    Line,
    colour,
    lines_of,
    percent_ticks,
    placed,
    verdict_legend,
)
from service.statistics.verdict import Verdict, Verdicts

_ROW = 0.3
"""Inches per row."""
_WORDS = {BETTER: "better", WORSE: "worse", SAME: "equivalent", OPEN: "undecided"}


@dataclass(frozen=True)
class Spread:
    """One row of the figure.

    Attributes:
        question: its name.
        lines: its comparisons, as the figure of one question has them.
    """

    question: str
    lines: tuple[Line, ...]

    @property
    def measured(self) -> list[tuple[Line, Verdict]]:
        """The comparisons that have an estimate."""
        return [(line, own) for line in self.lines if (own := line.verdict) is not None and own.difference is not None]

    @property
    def counts(self) -> str:
        """How many comparisons there are of every kind, e.g. ``12 better, 3 worse``."""
        found = Counter(colour(verdict) for _, verdict in self.measured)
        unknown = len(self.lines) - sum(found.values())
        parts = [f"{found[shade]:,} {word}" for shade, word in _WORDS.items() if found[shade]]
        return ", ".join(parts + [f"{unknown:,} not measured"] * (unknown > 0))


def spread_of(verdicts: Verdicts, questions: Sequence[str]) -> list[Spread]:
    """Returns a row for every question that compares something."""
    rows = [Spread(question, tuple(lines_of(verdicts, [question]))) for question in questions]
    return [row for row in rows if row.lines]


def is_relative(rows: Sequence[Spread]) -> bool:
    """Whether all estimates can be told as changes in percent."""
    return all(verdict.ratio is not None for row in rows for _, verdict in row.measured)


def spread_figure(verdicts: Verdicts, rows: Sequence[Spread]) -> bytes | None:
    """Draws every estimate as a mark, as changes in percent where the metric is positive and as differences elsewhere.

    Returns:
        PNG bytes, or None where nothing was measured.
    """
    measured = [verdict for row in rows for _, verdict in row.measured]
    if not measured:
        return None
    relative = is_relative(rows)
    marks: dict[str, list[tuple[float, int]]] = {}
    for place, row in enumerate(rows):
        for _, verdict in row.measured:
            marks.setdefault(colour(verdict), []).append((placed(verdict, relative)[0], place))
    with canvas(7.2, 0.75 + _ROW * len(rows)) as (figure, axes):
        axes.axvline(0, color="#555555", linewidth=0.9, zorder=1)
        for order, shade in enumerate((OPEN, SAME, WORSE, BETTER), 2):
            if shade in marks:
                xs, ys = zip(*marks[shade], strict=True)
                axes.plot(xs, ys, linestyle="", marker="|", markersize=11, color=shade, alpha=0.7, zorder=order)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(range(len(rows)), [row.question for row in rows], fontsize=7.5)
        axes.tick_params(axis="y", length=0)
        for place, row in enumerate(rows):
            axes.annotate(
                row.counts, (1, place), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
                va="center", fontsize=6.5, color="#555555",
            )  # fmt: skip
        if relative:
            axes.set_xticks(*percent_ticks(*axes.get_xlim()))
        unit = "change" if relative else "difference"
        axes.set_xlabel(f"{unit} in {verdicts.metric} ({better(verdicts.metric)} is better)")
        verdict_legend(figure, measured)
        return png(figure)
