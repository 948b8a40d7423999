"""What the dispatcher keeps of a lane and of a segment in its hands."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from service.engine.messages import Progress
from service.engine.segment import Segment
from service.engine.wire import Live, SegmentResult


@dataclass(frozen=True)
class Limits:
    """When a lane counts as dead or hung, in seconds.

    Attributes:
        silence: without a heartbeat from a lane that is up.
        training: without an event (a logging window, a checkpoint) from a segment that trains.
        evaluating: the same while it samples and scores, where no event comes in between.
        waiting: for room on the cluster, or for its workers to come up.
    """

    silence: float = 60.0
    training: float = 1800.0
    evaluating: float = 6 * 3600.0
    waiting: float = 1800.0


@dataclass
class QueuedSegment:
    """A segment in the dispatcher's hands, from its submission to its result.

    Attributes:
        segment: the segment.
        ticket: names it among all that were submitted.
        result: set when it has ended.
        awaited: whether somebody waits for the result.
    """

    segment: Segment
    ticket: int
    result: asyncio.Future[SegmentResult]
    awaited: bool = True


@dataclass
class LaneState:
    """What the dispatcher knows of a lane.

    Attributes:
        incarnation: names the present worker group; empty while there is none.
        start: the life of the lane's host that it belongs to.
        joined: Unix time at which it joined; 0 while there is none.
        last_heartbeat: time of its last heartbeat (monotonic).
        last_event: when its segment was last known to have come on (monotonic).
        served: segments this incarnation has been handed.
        running: the segment it has, None without one.
        progress: what it last said of that segment.
    """

    incarnation: str = ""
    start: int = 0
    joined: float = 0.0
    last_heartbeat: float = 0.0
    last_event: float = 0.0
    served: int = 0
    running: QueuedSegment | None = None
    progress: Progress | None = None

    def live(self, lane: str) -> Live | None:
        """The state of its segment."""
        if self.running is None:
            return None
        if self.progress is not None:
            return replace(self.progress.live, lane=lane)
        return Live(self.running.segment.trial, self.running.segment.until, phase="training", lane=lane)
