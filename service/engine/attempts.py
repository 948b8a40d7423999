"""How often a segment has failed, and when its trial is given up."""

from __future__ import annotations

from collections import Counter

from service.engine.causes import TUNE_TRIAL, counts, pause, told_cause
from service.engine.segment import Segment
from service.engine.wire import LOST, SegmentResult
from service.records.kinds import Failure

_TUNE_TRIALS = 20
"""How often the Ray Tune trial that waits for a segment may end before that counts: then something is wrong."""


class Attempts:
    """Counts failures per segment.

    Args:
        most: how often a segment may fail, or lose its lane without having come further, before its trial is given up.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._failures: Counter[str] = Counter()
        self._reached: dict[str, int] = {}
        self._blameless: Counter[str] = Counter()

    def blameless(self, segment: Segment, result: SegmentResult) -> float | None:
        """Returns the seconds to wait before a segment is tried again that failed for nothing of its own.

        None for every other failure.
        """
        cause = told_cause(result)
        if counts(cause) or (cause == TUNE_TRIAL and self._blameless[segment.id] >= _TUNE_TRIALS):
            return None
        self._blameless[segment.id] += 1
        return pause(cause, self._blameless[segment.id])

    def failed(self, segment: Segment, result: SegmentResult) -> tuple[int, bool]:
        """Counts a failure; returns which attempt it was, and whether the trial is to be given up."""
        if result.images > self._reached.get(segment.id, 0):
            self._reached[segment.id] = result.images
            if result.kind == LOST:
                self._failures[segment.id] = 0  # a lost lane that came further than the last one is no bad sign
        self._failures[segment.id] += 1
        attempt = self._failures[segment.id]
        return attempt, attempt >= self.most or not result.retry


def failure_record(segment: Segment, result: SegmentResult, attempt: int, given_up: bool, run: int) -> Failure:
    """What is kept of a failed segment under ``studies/<name>/failures``."""
    return Failure(
        trial=segment.trial,
        train_id=segment.train_id,
        until=segment.until,
        images=result.images,
        attempt=attempt,
        given_up=given_up,
        outcome=result.kind,
        cause=told_cause(result),
        error=result.error,
        traceback=result.traceback,
        run=run,
    )
