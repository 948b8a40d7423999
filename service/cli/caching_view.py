"""How far ``dit-ablate cache-latents`` is: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from service.analysis import numbers

if TYPE_CHECKING:
    from dit_core.data.cache_latents import Caching

LINE_SECONDS = 30.0


@contextmanager
def caching(console: Console) -> Iterator[Callable[[Caching], None]]:
    """Yields the callback that shows where the work stands."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("Encoding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("images, {task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    head = _Head(console)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None, speed="", visible=False)

        def update(state: Caching) -> None:
            head(state)
            bar.update(task, total=state.total, completed=state.done, speed=head.speed(state), visible=True)

        yield update


class _Head:
    """Says once what was there before, and whatever is noted."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began: float | None = None

    def __call__(self, state: Caching) -> None:
        if state.note:
            self.say(state.note)
        elif self._began is None:
            self._began = time.monotonic()
            if state.kept:
                self.say(
                    f"{state.kept:,} of {numbers.plural(state.total, 'image')} were encoded before and are verified"
                )
            if state.kept < state.total:
                self.say(f"{numbers.plural(state.total - state.kept, 'image')} to encode")

    def speed(self, state: Caching) -> str:
        fresh, elapsed = state.done - state.kept, time.monotonic() - (self._began or time.monotonic())
        return f"{numbers.significant(fresh / elapsed, 3)} per second" if fresh and elapsed > 0 else ""

    def say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._head = _Head(console)
        self._spoke = time.monotonic()

    def __call__(self, state: Caching) -> None:
        self._head(state)
        now = time.monotonic()
        last = state.done == state.total and state.done > state.kept
        if last or now - self._spoke >= LINE_SECONDS:
            self._spoke = now
            self._head.say(f"{state.done:,} of {state.total:,} images encoded, {self._head.speed(state)}")
