"""What a person sees while a study runs: a live table in a terminal, a line per noteworthy event elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from service.cli.lines import Lines
from service.cli.live_table import LiveTable
from service.cli.measured import Measured
from service.engine import Snapshot
from service.session import Session


class Progress:
    """Shows every ``Snapshot`` of a run, and of the studies that run with it, one after another.

    Args:
        session: the study.
        console: where to show it.
    """

    def __init__(self, session: Session, console: Console) -> None:
        self._console = console
        self._table: LiveTable | None = None
        self._shown = ""
        self.begin(session)

    def begin(self, session: Session) -> None:
        """Takes the study whose snapshots come next, and says what is about to run."""
        study = session.opened.study
        if study.name == self._shown:
            return
        self._shown = study.name
        measured = Measured(session.prepared, session.store)
        self.close()
        self._lines = Lines(study, measured, self._console)
        self._lines.head(session.preview)
        if self._console.is_terminal:
            self._table = LiveTable(study, measured, self._console)
            self._table.__enter__()

    def __call__(self, snapshot: Snapshot) -> None:
        """Shows a snapshot."""
        if self._table is None:
            self._lines(snapshot)
        else:
            self._lines.news(snapshot)
            self._table(snapshot)

    def close(self) -> None:
        """Takes the live table off the terminal."""
        if self._table is not None:
            self._table.__exit__(None, None, None)
            self._table = None


@contextmanager
def progress(session: Session, console: Console) -> Iterator[Progress]:
    """Yields what shows every ``Snapshot`` of the run on ``console``."""
    shown = Progress(session, console)
    try:
        yield shown
    finally:
        shown.close()
