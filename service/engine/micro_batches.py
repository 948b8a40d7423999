"""How many images at once the trainings may take that ran out of memory."""

from __future__ import annotations

from service.engine.segment import Segment
from service.engine.wire import SegmentResult


class MicroBatches:
    """Halves the images that a worker puts through the network at once whenever a training runs out of memory.

    That changes its numbers by rounding only. Once a checkpoint is written its size is in there, so what is kept here
    need not outlive the run.
    """

    def __init__(self) -> None:
        self._most: dict[str, int] = {}

    def of(self, train_id: str) -> int:
        """Returns the images at once that a training may take; 0 for as many as it likes."""
        return self._most.get(train_id, 0)

    def halve(self, segment: Segment, result: SegmentResult) -> str | None:
        """Takes a failure; says in a sentence what is done about it, None where fewer images at once cannot help."""
        size = result.micro_batch
        if size < 2:
            return None
        half = (size + 1) // 2
        self._most[segment.train_id] = half
        return (
            f"out of memory with {size} images at once on each worker; goes on from its checkpoint with {half} at once "
            f"(training.micro_batch: {half} begins with that)"
        )
