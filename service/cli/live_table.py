"""The live table of trials in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dit_core.metrics.direction import better
from search_spaces.study import Study
from service.analysis import numbers
from service.analysis.status import StateKind, TrialStatus
from service.cli.lines import overall
from service.cli.measured import Measured
from service.engine import Snapshot

_STYLES = {
    StateKind.COMPLETED: "green",
    StateKind.REUSED: "green",
    StateKind.STOPPED: "yellow",
    StateKind.SPARED: "green",
    StateKind.DIVERGED: "red",
    StateKind.FAILED: "red",
    StateKind.RUNNING: "cyan",
    StateKind.PENDING: "dim",
}

WIDE = 120
"""Columns of a terminal that has room for everything; a narrower one gets no bars, and fewer metric columns."""
NARROW_ARM, NARROW_METRICS = 24, 2


class LiveTable:
    """A table of trials that is drawn anew with every snapshot: arm, seed, status, progress, loss, metric by rung.

    Args:
        study: the study.
        measured: what has been measured; somebody else keeps it up to date.
        console: the terminal.
    """

    def __init__(self, study: Study, measured: Measured, console: Console) -> None:
        self._study = study
        self._measured = measured
        self._console = console
        self._live = RichLive(console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, snapshot: Snapshot) -> None:
        """Draws the snapshot."""
        self._live.update(self.render(snapshot))

    def render(self, snapshot: Snapshot) -> Group:
        """Returns the table for a snapshot, as many trials as fit, the ones in flight first."""
        room = max(4, self._console.height - 8)
        order = {StateKind.RUNNING: 0, StateKind.PENDING: 2}
        ranked = sorted(snapshot.statuses, key=lambda status: order.get(status.state.kind, 1))
        shown = {status.trial.name for status in ranked[:room]}
        narrow = self._console.width < WIDE
        milestones = self._fitting(snapshot) if narrow else self._study.milestones
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("arm", no_wrap=True, overflow="ellipsis", max_width=NARROW_ARM if narrow else None)
        for column in ("seed", "status", "images") if narrow else ("seed", "status", "progress", "images"):
            table.add_column(column, no_wrap=True)
        for column in ("loss", *(f"at {numbers.short(milestone)}" for milestone in milestones)):
            table.add_column(column, justify="right", no_wrap=True)
        for status in snapshot.statuses:
            if status.trial.name in shown:
                cells = self._row(status, snapshot, milestones)
                table.add_row(*(cell for cell in cells if not (narrow and isinstance(cell, ProgressBar))))
        hidden = len(snapshot.statuses) - len(shown)
        parts: list[Table | Text] = [table]
        if hidden:
            parts.append(Text(f"and {numbers.plural(hidden, 'more trial')}", style="dim"))
        lanes = f"{snapshot.lanes_up} of {numbers.plural(snapshot.lanes, 'lane')} up; "
        stopping = "stopping; " if snapshot.stopping else f"{snapshot.waiting}; " if snapshot.waiting else ""
        parts.append(Text(f"{stopping}{lanes if snapshot.lanes else ''}{overall(snapshot, self._study)}", style="bold"))
        metric = self._study.primary_metric
        parts.append(Text(f"{metric} by images seen, {better(metric)} is better; Ctrl-C stops", style="dim"))
        return Group(*parts)

    def _fitting(self, snapshot: Snapshot) -> tuple[int, ...]:
        """The milestones that a narrow terminal has room for: the latest that was measured, and those around it."""
        milestones = self._study.milestones
        measured = [
            at for status in snapshot.statuses for at in self._measured.of(status.trial.name) if at in milestones
        ]
        end = max(milestones.index(max(measured)) + 1 if measured else 0, NARROW_METRICS)
        return tuple(milestones[max(0, end - NARROW_METRICS) : end])

    def _row(
        self, status: TrialStatus, snapshot: Snapshot, milestones: Sequence[int]
    ) -> list[str | Text | ProgressBar]:
        name, budget = status.trial.name, self._study.budget_images
        live = snapshot.live.get(name)
        images = max(status.images, live.images if live is not None else 0)
        word = live.phase if live is not None else str(status.state)
        style = _STYLES[status.state.kind]
        loss = "" if live is None or live.loss is None else f"{live.loss:.4f}"
        values = self._measured.of(name)
        return [
            Text(status.trial.arm.name, style="bold" if status.trial.arm.is_baseline else ""),
            str(status.trial.seed),
            Text(word, style=style),
            ProgressBar(total=budget, completed=min(images, budget), width=16),
            f"{numbers.short(images)}/{numbers.short(budget)}",
            loss,
            *(numbers.significant(values[milestone]) if milestone in values else "" for milestone in milestones),
        ]
