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
        adopt: the dispatcher was started anew and does not know the lane: say what it is and what it runs.
    """

    leave: bool
    stop: bool
    adopt: bool = False


@dataclass(frozen=True)
class Membership:
    """From a lane to a dispatcher that was started anew.

    Attributes:
        start: the life of the lane's host that it belongs to.
        incarnation: the worker group.
        joined: when it joined the first time, Unix seconds.
        work: what it runs, None without a segment.
        progress: how far that is.
    """

    start: int
    incarnation: str
    joined: float
    work: Work | None
    progress: Progress | None


@dataclass(frozen=True)
class LaneOrder:
    """From the driver: what is to be of a lane.

    Attributes:
        start: the life of its host that counts; a worker group of an earlier one is not listened to.
        why: why the earlier one has ended.
        cause: the same in one word, of ``service.engine.causes``.
        retire: it is to checkpoint, give its segment back and end.
    """

    start: int
    why: str = ""
    cause: str = ""
    retire: bool = False


@dataclass(frozen=True)
class Orders:
    """From the driver, with every look at the lanes: all that it wants, so that a dispatcher started anew knows it too.

    Attributes:
        lanes: by name; any other lane is to end.
        stop: running segments are to checkpoint and end, and queued ones go back.
        recall: queued segments go back: no lane is to stay that could take them.
    """

    lanes: Mapping[str, LaneOrder] = field(default_factory=dict)
    stop: bool = False
    recall: bool = False


@dataclass(frozen=True)
class LaneView:
    """A lane as the dispatcher sees it.

    Attributes:
        up: whether it has a worker group.
        start: the life of its host that its newest worker group belongs to; 0 before the first.
        incarnation: the worker group; empty without one.
        joined: Unix time at which it joined.
        silent: seconds since its last heartbeat.
        trouble: why it counts as dead or hung; empty while it does not.
        cause: the same in one word, of ``service.engine.causes``.
        live: its segment, None without one.
    """

    up: bool = False
    start: int = 0
    incarnation: str = ""
    joined: float = 0.0
    silent: float = 0.0
    trouble: str = ""
    cause: str = ""
    live: Live | None = None


@dataclass(frozen=True)
class Overview:
    """All lanes and segments as the dispatcher sees them.

    Attributes:
        lanes: by name.
        queued: segments that wait for a lane.
        refusals: why lanes cannot work where they are, a sentence each.
        life: names the life of the dispatcher; it changes when that was started anew.
    """

    lanes: Mapping[str, LaneView] = field(default_factory=dict)
    queued: tuple[Segment, ...] = ()
    refusals: tuple[str, ...] = ()
    life: str = ""

    @property
    def live(self) -> list[Live]:
        """Every segment in flight, the queued ones last."""
        running = [lane.live for lane in self.lanes.values() if lane.live is not None]
        return [*running, *(Live(segment.trial, segment.until) for segment in self.queued)]
