"""The training curve since the last checkpoint: logging windows that become one record when the next one comes."""

from __future__ import annotations

from dit_core.events import Progress
from dit_core.runtime.memory import forget_peak, peak_memory
from service.engine.wire import TimedPoint
from service.records.kinds import Hardware, Point, Stretch

TAIL = 256
"""The newest windows that travel with the live state; earlier ones arrive with the record."""


class OpenStretch:
    """Gathers the windows from one checkpoint (or the start) to the next.

    Args:
        start: images seen before it.
        began: Unix seconds.
        hardware: what it is trained on.
        study: the study that pays for it.
        run: the number of the study's run; 0 for none.
    """

    def __init__(self, start: int, began: float, hardware: Hardware, study: str = "", run: int = 0) -> None:
        self._start, self._began, self._hardware = start, began, hardware
        self._study, self._run = study, run
        self._images, self._seconds = start, 0.0
        self._points: list[Point] = []
        self.tail: tuple[TimedPoint, ...] = ()
        self._peak_is_ours = forget_peak()

    def add(self, progress: Progress) -> None:
        """Takes a window."""
        self._images = progress.images
        self._seconds += progress.seconds
        for point in progress.points:
            self._points.append(Point(**vars(point), seconds=self._seconds))
            timed = TimedPoint(**vars(point), time=self._began + self._seconds)
            self.tail = (*self.tail, timed)[-TAIL:]

    def record(self) -> Stretch:
        """Returns the record of all windows so far."""
        return Stretch(
            start=self._start,
            images=self._images,
            points=tuple(self._points),
            began=self._began,
            seconds=self._seconds,
            hardware=self._hardware,
            study=self._study,
            run=self._run,
            peak_memory=peak_memory() if self._peak_is_ours else None,
        )
