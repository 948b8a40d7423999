"""A run as plain lines: one for every noteworthy event, and a sign of life now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from search_spaces.study import Study
from service.analysis import numbers
from service.analysis.preview import Preview
from service.analysis.status import StateKind, TrialState
from service.cli.measured import Measured
from service.engine import Snapshot

HEARTBEAT_SECONDS = 60.0


class Lines:
    """Compares every snapshot with the one before and says what is new.

    Args:
        study: the study.
        measured: what has been measured.
        console: where to print.
    """

    def __init__(self, study: Study, measured: Measured, console: Console) -> None:
        self._study = study
        self._measured = measured
        self._console = console
        self._states: dict[str, TrialState] | None = None
        self._stops = 0
        self._messages = 0
        self._lanes_up = 0
        self._stopping = False
        self._waiting = ""
        self._spoke = time.monotonic()

    def head(self, preview: Preview) -> None:
        """Says what is about to run."""
        left = (
            "nothing is left to run"
            if not preview.segments
            else f"up to {numbers.plural(preview.segments, 'segment')} to run"
        )
        self._say(
            f"Study {self._study.name}: {numbers.plural(len(preview.arms), 'arm')} x "
            f"{numbers.plural(len(self._study.seeds), 'seed')} = {numbers.plural(preview.trials, 'trial')}, {left}."
        )
        for note in preview.notes:
            self._say(f"Note: {note}")

    def __call__(self, snapshot: Snapshot) -> None:
        """Prints what is new, or a sign of life after a quiet minute."""
        self.news(snapshot)
        if time.monotonic() - self._spoke >= HEARTBEAT_SECONDS:
            self._say(self._heartbeat(snapshot))

    def news(self, snapshot: Snapshot) -> None:
        """Prints what is new since the snapshot before."""
        if snapshot.lanes_up > self._lanes_up:
            self._lanes_up = snapshot.lanes_up
            after = numbers.duration(snapshot.elapsed)
            self._say(f"{snapshot.lanes_up} of {numbers.plural(snapshot.lanes, 'lane')} up after {after}")
        if snapshot.waiting != self._waiting:
            self._waiting = snapshot.waiting
            if snapshot.waiting:
                self._say(f"{snapshot.waiting[0].upper()}{snapshot.waiting[1:]}", "yellow")
        if self._states is None:
            self._stops = len(snapshot.stops)  # what the store held already is not news
        for _, text, style in sorted(
            (*self._evaluations(snapshot), *self._stopped(snapshot)), key=lambda item: item[0]
        ):
            self._say(text, style)
        before = self._states or {}
        self._states = {status.trial.name: status.state for status in snapshot.statuses}
        for name, state in self._states.items():
            if state != before.get(name) and state.kind in (StateKind.DIVERGED, StateKind.FAILED):
                self._say(f"{name}: {state}", "red")
        if snapshot.stopping and not self._stopping:
            self._stopping = True
            self._say("Stopping: trials in flight write a checkpoint first. Ctrl-C once more ends it now.", "yellow")
        for message in snapshot.messages[self._messages :]:
            self._say(message, "yellow")
        self._messages = len(snapshot.messages)

    def _evaluations(self, snapshot: Snapshot) -> Iterator[tuple[tuple[int, int], str, str]]:
        metric, budget = self._study.primary_metric, self._study.budget_images
        for name, images, value in self._measured.update(snapshot):
            end = " (done)" if images >= budget else ""
            yield (images, 0), f"{name}: {metric} {numbers.significant(value)} at {images:,} images{end}", ""

    def _stopped(self, snapshot: Snapshot) -> Iterator[tuple[tuple[int, int], str, str]]:
        for stop in snapshot.stops[self._stops :]:
            yield (stop.images, 1), f"{'Settled' if stop.seeds else 'Stopped early'}: {stop.reason}", "yellow"
        self._stops = len(snapshot.stops)

    def _heartbeat(self, snapshot: Snapshot) -> str:
        working = [live for live in snapshot.live.values() if live.phase != "queued"]
        flying = ", ".join(f"{live.trial} {live.phase} at {numbers.whole(live.images)}" for live in working[:4])
        more = f" and {len(working) - 4} more" if len(working) > 4 else ""
        now = flying + more if working else snapshot.waiting or "waiting for a lane"
        return f"{overall(snapshot, self._study)}; {now}"

    def _say(self, text: str, style: str = "") -> None:
        self._spoke = time.monotonic()
        self._console.print(Text(text, style=style), soft_wrap=True)


def overall(snapshot: Snapshot, study: Study) -> str:
    """Where the whole run stands, with the time that is left at the present pace."""
    left = segments_left(snapshot, study)
    done, spent = numbers.plural(snapshot.segments_done, "segment"), numbers.duration(snapshot.elapsed)
    text = f"{done} done, at most {left} left, {spent} so far"
    if snapshot.segments_done == 0 or left == 0:
        return text
    return f"{text}, at most about {numbers.duration(snapshot.elapsed / snapshot.segments_done * left)} to go"


def segments_left(snapshot: Snapshot, study: Study) -> int:
    """Returns how many segments are left if no further arm is stopped."""
    return sum(
        milestone > status.images
        for status in snapshot.statuses
        if status.state.is_open
        for milestone in study.milestones
    )
