"""Hands segments to lanes, fences off the dead ones, and knows where every segment stands."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from service.engine.wire import LOST, STOPPED, SegmentResult


@dataclass(frozen=True)
class Limits:
    """When a lane counts as dead or hung, in seconds.

    Attributes:
        silence: without a heartbeat from a lane that is up.
        training: without a sign of life (a logging window, an event) from a segment that trains.
        evaluating: the same while it samples and scores, where no sign comes in between.
    """

    silence: float = 60.0
    training: float = 1800.0
    evaluating: float = 6 * 3600.0


@dataclass
class QueuedSegment:
    """A segment in the dispatcher's hands."""

    segment: dict[str, Any]
    ticket: int
    result: asyncio.Future[dict[str, Any]]
    handed: float = 0.0


@dataclass
class LaneState:
    """What the dispatcher knows of a lane.

    Attributes:
        incarnation: names the present worker group; empty while there is none.
        joined: Unix time at which it joined; 0 while there is none.
        beat: time of its last heartbeat (monotonic).
        sign: time of the segment's last sign of life (monotonic).
        served: segments this incarnation has been handed.
        up_seconds: seconds earlier incarnations were up.
        first_joined: Unix time of the lane's first worker group.
        joins: worker groups so far.
    """

    incarnation: str = ""
    joined: float = 0.0
    beat: float = 0.0
    sign: float = 0.0
    served: int = 0
    up_seconds: float = 0.0
    first_joined: float = 0.0
    joins: int = 0
    job: QueuedSegment | None = None
    live: dict[str, Any] = field(default_factory=dict)


class Dispatcher:
    """The lanes' and Tune trials' meeting point; an async Ray actor, so everything runs on one event loop.

    A lane is a place for a worker group; an incarnation is one life of that group. Only the present
    incarnation of a lane is listened to: a late word from a dying one changes nothing. A segment whose lane
    dies or hangs is answered as ``lost``; whether it is tried again is the ledger's decision.

    Args:
        limits: when a lane counts as dead or hung.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._queue: deque[QueuedSegment] = deque()
        self._lanes: dict[str, LaneState] = {}
        self._arrived = asyncio.Condition()
        self._tickets = 0
        self._stopping = False
        self._closing = False

    # -- Tune trials --------------------------------------------------------------------------------

    async def run(self, segment: dict[str, Any]) -> dict[str, Any]:
        """Queues a segment and returns how it ended."""
        if self._stopping:
            return SegmentResult(STOPPED).to_json()
        self._tickets += 1
        job = QueuedSegment(segment, self._tickets, asyncio.get_running_loop().create_future())
        async with self._arrived:
            self._queue.append(job)
            self._arrived.notify_all()
        return await job.result

    # -- lanes --------------------------------------------------------------------------------------

    async def join(self, lane: str, incarnation: str) -> None:
        """Makes ``incarnation`` the lane's worker group; what an earlier one held is lost."""
        state = self._lanes.setdefault(lane, LaneState())
        self._drop(state, "the lane's workers died")
        now = time.time()
        state.incarnation, state.joined, state.served = incarnation, now, 0
        state.first_joined = state.first_joined or now
        state.joins += 1
        state.beat = time.monotonic()
        async with self._arrived:
            self._arrived.notify_all()

    async def take(self, lane: str, incarnation: str, timeout: float) -> dict[str, Any]:
        """Long-polls for a segment.

        Returns:
            ``{"kind": "segment", "segment": ..., "ticket": ..., "handed": ..., "warm": ...}``,
            ``{"kind": "idle"}`` after ``timeout`` seconds, or ``{"kind": "close"}``: end yourself.
        """
        state = self._lanes[lane]
        until = time.monotonic() + timeout
        async with self._arrived:
            while True:
                if self._closing or state.incarnation != incarnation:
                    return {"kind": "close"}
                if self._queue:
                    job = self._queue.popleft()
                    job.handed, state.job = time.time(), job
                    state.live, state.sign = {}, time.monotonic()
                    state.served += 1
                    return {"kind": "segment", "segment": job.segment, "ticket": job.ticket, "handed": job.handed,
                            "warm": state.served > 1}  # fmt: skip
                remaining = until - time.monotonic()
                if remaining <= 0:
                    return {"kind": "idle"}
                try:
                    await asyncio.wait_for(self._arrived.wait(), remaining)
                except TimeoutError:
                    continue

    async def beat(self, lane: str, incarnation: str, live: dict[str, Any], signs: int) -> dict[str, bool]:
        """Takes a heartbeat.

        Args:
            lane: the lane.
            incarnation: its worker group.
            live: the segment's live state, empty without one or from ranks above 0.
            signs: how often the segment has shown life; its growth is what counts.

        Returns:
            ``exit``: this worker group is not listened to any more; ``stop``: checkpoint and end the segment.
        """
        state = self._lanes.get(lane)
        if state is None or state.incarnation != incarnation:
            return {"exit": True, "stop": True}
        state.beat = time.monotonic()
        if live and state.job is not None and live.get("ticket") == state.job.ticket:
            if signs != state.live.get("signs"):
                state.sign = state.beat
            state.live = {**live, "signs": signs}
        return {"exit": False, "stop": self._stopping}

    async def done(self, lane: str, incarnation: str, ticket: int, result: dict[str, Any]) -> bool:
        """Takes the result of a segment; returns whether it was listened to."""
        state = self._lanes.get(lane)
        if state is None or state.incarnation != incarnation or state.job is None or state.job.ticket != ticket:
            return False
        self._answer(state, result)
        return True

    # -- the driver ---------------------------------------------------------------------------------

    async def lane_dead(self, lane: str, why: str) -> None:
        """Fences the lane off; what it held is lost."""
        state = self._lanes.get(lane)
        if state is not None:
            self._drop(state, why)

    async def stop(self) -> None:
        """Asks running segments to checkpoint and end, and gives the queued ones back."""
        self._stopping = True
        while self._queue:
            self._settle(self._queue.popleft(), SegmentResult(STOPPED).to_json())

    async def close(self) -> None:
        """Tells every lane to end."""
        await self.stop()
        async with self._arrived:
            self._closing = True
            self._arrived.notify_all()

    async def look(self) -> dict[str, Any]:
        """Returns the state of lanes and segments, and which lanes have gone silent or hang."""
        now = time.monotonic()
        lanes = {}
        for name, state in self._lanes.items():
            up = bool(state.incarnation)
            lanes[name] = {
                "up": up,
                "joins": state.joins,
                "first_joined": state.first_joined,
                "up_seconds": state.up_seconds + (time.time() - state.joined if up else 0.0),
                "trouble": self._trouble(state, now) if up else "",
                "live": self._live(name, state),
            }
        return {"lanes": lanes, "queued": [job.segment for job in self._queue]}

    def _trouble(self, state: LaneState, now: float) -> str:
        if now - state.beat > self._limits.silence:
            return f"no heartbeat for {now - state.beat:.0f} s"
        if state.job is None:
            return ""
        evaluating = state.live.get("phase") == "evaluating"
        limit = self._limits.evaluating if evaluating else self._limits.training
        quiet = now - state.sign
        return f"no sign of life while {state.live.get('phase', 'training')} for {quiet:.0f} s" if quiet > limit else ""

    @staticmethod
    def _live(lane: str, state: LaneState) -> dict[str, Any] | None:
        if state.job is None:
            return None
        segment = state.job.segment
        known: dict[str, Any] = {
            key: state.live[key] for key in ("images", "loss", "phase", "tail") if key in state.live
        }
        return {"trial": segment["trial"], "until": segment["until"], "lane": lane, "phase": "training", **known}

    def _drop(self, state: LaneState, why: str) -> None:
        if state.job is not None:
            images = int(state.live.get("images") or 0)
            self._answer(state, SegmentResult(LOST, error=why, images=images).to_json())
        if state.incarnation:
            state.up_seconds += time.time() - state.joined
        state.incarnation, state.joined = "", 0.0

    def _answer(self, state: LaneState, result: dict[str, Any]) -> None:
        job, state.job, state.live = state.job, None, {}
        if job is not None:
            self._settle(job, result)

    @staticmethod
    def _settle(job: QueuedSegment, result: dict[str, Any]) -> None:
        if not job.result.done():
            job.result.set_result(result)
