"""What a person sees while a study runs: a live table in a terminal, a line per noteworthy event elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from service.cli.lines import Lines
from service.cli.live_table import LiveTable
from service.cli.measured import Measured
from service.engine import Snapshot
from service.session import Session


@contextmanager
def progress(session: Session, console: Console) -> Iterator[Callable[[Snapshot], None]]:
    """Yields the callback that shows every ``Snapshot`` of the run on ``console``."""
    study = session.opened.study
    measured = Measured(session.prepared, session.store)
    lines = Lines(study, measured, console)
    lines.head(session.preview)
    if not console.is_terminal:
        yield lines
        return
    with LiveTable(study, measured, console) as table:

        def update(snapshot: Snapshot) -> None:
            lines.news(snapshot)
            table(snapshot)

        yield update
