"""What lanes, the dispatcher and the driver say to one another. Ray carries these objects as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.engine.segment import Segment
from service.engine.wire import Live


@dataclass(frozen=True)
class Work:
    """To a lane: run this segment.

    Attributes:
        segment: the segment.
        ticket: names this hand-over; what the lane says of the segment carries it.
        handed: when it was handed over, Unix seconds.
        warm: whether the lane has run a segment before.
    """

    segment: Segment
    ticket: int
    handed: float
    warm: bool


@dataclass(frozen=True)
class Idle:
    """To a lane: there is nothing to do yet; ask again."""


@dataclass(frozen=True)
class Close:
    """To a lane: end yourself."""


Order = Work | Idle | Close


@dataclass(frozen=True)
class Progress:
    """From a lane: how far its segment is.

    Attributes:
        ticket: the hand-over it belongs to.
        live: the segment's state.
        events: how many events its training has yielded so far; that it grows is what shows that it does not hang.
    """

    ticket: int
    live: Live
    events: int


@dataclass(frozen=True)
class HeartbeatReply:
    """To a lane, in reply to its heartbeat.

    Attributes:
        leave: this worker group is not listened to any more; it must end.
        stop: checkpoint and end the segment.
    """

    leave: bool
    stop: bool


@dataclass(frozen=True)
class LaneView:
    """A lane as the dispatcher sees it.

    Attributes:
        up: whether it has a worker group.
        joins: worker groups so far.
        first_joined: Unix time of its first worker group, 0 before.
        up_seconds: seconds its worker groups were up, all of them together.
        trouble: why it counts as dead or hung; empty while it does not.
        live: its segment, None without one.
    """

    up: bool = False
    joins: int = 0
    first_joined: float = 0.0
    up_seconds: float = 0.0
    trouble: str = ""
    live: Live | None = None


@dataclass(frozen=True)
class Overview:
    """All lanes and segments as the dispatcher sees them.

    Attributes:
        lanes: by name.
        queued: segments that wait for a lane.
    """

    lanes: Mapping[str, LaneView] = field(default_factory=dict)
    queued: tuple[Segment, ...] = ()

    @property
    def live(self) -> list[Live]:
        """Every segment in flight, the queued ones last."""
        running = [lane.live for lane in self.lanes.values() if lane.live is not None]
        return [*running, *(Live(segment.trial, segment.until) for segment in self.queued)]
