"""Hands segments to lanes, fences off the dead ones, and knows where every segment stands."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from service.engine.lane_state import LaneState, Limits, QueuedSegment
from service.engine.messages import Close, HeartbeatReply, Idle, LaneView, Order, Overview, Progress, Work
from service.engine.segment import Segment
from service.engine.wire import LOST, STOPPED, SegmentResult


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

    async def run(self, segment: Segment) -> SegmentResult:
        """Queues a segment and returns how it ended."""
        if self._stopping:
            return SegmentResult(STOPPED)
        self._tickets += 1
        queued = QueuedSegment(segment, self._tickets, asyncio.get_running_loop().create_future())
        async with self._arrived:
            self._queue.append(queued)
            self._arrived.notify_all()
        return await queued.result

    # -- lanes --------------------------------------------------------------------------------------

    async def join(self, lane: str, incarnation: str) -> None:
        """Makes ``incarnation`` the lane's worker group; what an earlier one held is lost."""
        state = self._lanes.setdefault(lane, LaneState())
        self._drop(state, "the lane's workers died")
        now = time.time()
        state.incarnation, state.joined, state.served = incarnation, now, 0
        state.first_joined = state.first_joined or now
        state.joins += 1
        state.last_heartbeat = time.monotonic()
        async with self._arrived:
            self._arrived.notify_all()

    async def take(self, lane: str, incarnation: str, timeout: float) -> Order:
        """Waits up to ``timeout`` seconds for a segment and hands it to the lane."""
        state = self._lanes[lane]
        until = time.monotonic() + timeout
        async with self._arrived:
            while True:
                if self._closing or state.incarnation != incarnation:
                    return Close()
                if self._queue:
                    state.running, state.progress = self._queue.popleft(), None
                    state.last_event = time.monotonic()
                    state.served += 1
                    return Work(state.running.segment, state.running.ticket, time.time(), state.served > 1)
                remaining = until - time.monotonic()
                if remaining <= 0:
                    return Idle()
                try:
                    await asyncio.wait_for(self._arrived.wait(), remaining)
                except TimeoutError:
                    continue

    async def heartbeat(self, lane: str, incarnation: str, progress: Progress | None) -> HeartbeatReply:
        """Takes a heartbeat.

        Args:
            lane: the lane.
            incarnation: its worker group.
            progress: how far its segment is; None without one and from ranks above 0.
        """
        state = self._lanes.get(lane)
        if state is None or state.incarnation != incarnation:
            return HeartbeatReply(leave=True, stop=True)
        state.last_heartbeat = time.monotonic()
        if progress is not None and state.running is not None and progress.ticket == state.running.ticket:
            if state.progress is None or progress.events != state.progress.events:
                state.last_event = state.last_heartbeat
            state.progress = progress
        return HeartbeatReply(leave=False, stop=self._stopping)

    async def done(self, lane: str, incarnation: str, ticket: int, result: SegmentResult) -> bool:
        """Takes the result of a segment; returns whether it was listened to."""
        state = self._lanes.get(lane)
        if state is None or state.incarnation != incarnation or state.running is None:
            return False
        if state.running.ticket != ticket:
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
            self._settle(self._queue.popleft(), SegmentResult(STOPPED))

    async def close(self) -> None:
        """Tells every lane to end."""
        await self.stop()
        async with self._arrived:
            self._closing = True
            self._arrived.notify_all()

    async def overview(self) -> Overview:
        """Returns the state of lanes and segments, and which lanes have gone silent or hang."""
        now = time.monotonic()
        lanes = {
            name: LaneView(
                up=bool(state.incarnation),
                joins=state.joins,
                first_joined=state.first_joined,
                up_seconds=state.up_seconds + (time.time() - state.joined if state.incarnation else 0.0),
                trouble=self._trouble(name, state, now) if state.incarnation else "",
                live=state.live(name),
            )
            for name, state in self._lanes.items()
        }
        return Overview(lanes, tuple(queued.segment for queued in self._queue))

    def _trouble(self, name: str, state: LaneState, now: float) -> str:
        if now - state.last_heartbeat > self._limits.silence:
            return f"no heartbeat for {now - state.last_heartbeat:.0f} s"
        live = state.live(name)
        if live is None:
            return ""
        limit = self._limits.evaluating if live.phase == "evaluating" else self._limits.training
        quiet = now - state.last_event
        return f"no sign of life while {live.phase} for {quiet:.0f} s" if quiet > limit else ""

    def _drop(self, state: LaneState, why: str) -> None:
        images = state.progress.live.images if state.progress is not None else 0
        self._answer(state, SegmentResult(LOST, error=why, images=images))
        if state.incarnation:
            state.up_seconds += time.time() - state.joined
        state.incarnation, state.joined = "", 0.0

    def _answer(self, state: LaneState, result: SegmentResult) -> None:
        queued, state.running, state.progress = state.running, None, None
        if queued is not None:
            self._settle(queued, result)

    @staticmethod
    def _settle(queued: QueuedSegment, result: SegmentResult) -> None:
        if not queued.result.done():
            queued.result.set_result(result)
