"""Hands segments to lanes, fences off the dead ones, and knows where every segment stands."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque

from service.engine import causes
from service.engine.lane_state import LaneState, Limits, QueuedSegment
from service.engine.messages import (
    Close,
    HeartbeatReply,
    Idle,
    LaneOrder,
    LaneView,
    Membership,
    Order,
    Orders,
    Overview,
    Progress,
    Work,
)
from service.engine.segment import Segment
from service.engine.wire import DONE, LOST, STOPPED, SegmentResult

ADOPTION_SECONDS = 5.0
"""How long a dispatcher that was started anew hands nothing out: lanes that train first say what they have."""


class Dispatcher:
    """The lanes' and Tune trials' meeting point; an async Ray actor, so everything runs on one event loop.

    A lane is a place for a worker group; an incarnation is one life of that group. Only the present
    incarnation of a lane is listened to: a late word from a dying one changes nothing. A segment whose lane
    dies or hangs is answered as ``lost``; whether it is tried again is the ledger's decision.

    It keeps nothing that others do not know: when its process dies, Ray starts it anew, lanes say what they run, Tune
    trials hand their segments in again, and the driver repeats its orders with every look.

    Args:
        limits: when a lane counts as dead or hung.
        reborn: whether an earlier life of this actor has died; None asks Ray.
    """

    def __init__(self, limits: Limits | None = None, reborn: bool | None = None) -> None:
        self._limits = limits or Limits()
        self._queue: deque[QueuedSegment] = deque()
        self._lanes: dict[str, LaneState] = {}
        self._arrived = asyncio.Condition()
        self._tickets = time.time_ns()  # so that no ticket of an earlier life comes again
        self._orders = Orders()
        self._ordered = False
        self._closing = False
        self._unclaimed: dict[str, SegmentResult] = {}
        self._refusals: list[str] = []
        self._life = uuid.uuid4().hex
        reborn = _was_reconstructed() if reborn is None else reborn
        self._holds_until = time.monotonic() + ADOPTION_SECONDS if reborn else 0.0

    # -- Tune trials --------------------------------------------------------------------------------

    async def run(self, segment: Segment) -> SegmentResult:
        """Queues a segment and returns how it ended; one that a lane runs already is waited for instead."""
        done = self._unclaimed.pop(segment.id, None)
        if done is not None:
            return done
        queued = next((item for item in self._held() if item.segment.id == segment.id), None)
        if queued is not None:
            queued.awaited = True
            return await asyncio.shield(queued.result)
        if self._orders.stop:
            return SegmentResult(STOPPED)
        self._tickets += 1
        queued = QueuedSegment(segment, self._tickets, asyncio.get_running_loop().create_future())
        async with self._arrived:
            self._queue.append(queued)
            self._arrived.notify_all()
        return await asyncio.shield(queued.result)

    # -- lanes --------------------------------------------------------------------------------------

    async def join(self, lane: str, incarnation: str, start: int = 1) -> None:
        """Makes ``incarnation`` the lane's worker group; what an earlier one held is lost."""
        state = self._lanes.setdefault(lane, LaneState())
        if start < state.start or self._is_outdated(lane, start):
            return
        self._drop(state, "the lane's workers died", causes.LOST_WORKER)
        state.incarnation, state.start, state.joined, state.served = incarnation, start, time.time(), 0
        state.last_heartbeat = time.monotonic()
        async with self._arrived:
            self._arrived.notify_all()

    async def adopt(self, lane: str, incarnation: str, member: Membership) -> bool:
        """Takes over a lane of the dispatcher's earlier life, with what it runs; returns whether it stays."""
        state = self._lanes.setdefault(lane, LaneState())
        if state.incarnation or state.start > member.start or self._is_outdated(lane, member.start):
            return state.incarnation == incarnation
        work, now = member.work, time.monotonic()
        if work is not None:
            if any(
                item.running is not None and item.running.segment.id == work.segment.id for item in self._lanes.values()
            ):
                return False
            waiting = next((item for item in self._queue if item.segment.id == work.segment.id), None)
            if waiting is not None:
                self._queue.remove(waiting)
                state.running = QueuedSegment(work.segment, work.ticket, waiting.result)
            else:
                future = asyncio.get_running_loop().create_future()
                state.running = QueuedSegment(work.segment, work.ticket, future, awaited=False)
            state.progress, state.last_event, state.served = member.progress, now, 1
        state.incarnation, state.start, state.joined = incarnation, member.start, member.joined
        state.last_heartbeat = now
        async with self._arrived:
            self._arrived.notify_all()
        return True

    async def take(self, lane: str, incarnation: str, timeout: float) -> Order:
        """Waits up to ``timeout`` seconds for a segment and hands it to the lane."""
        until = time.monotonic() + timeout
        async with self._arrived:
            while True:
                state, now = self._lanes.get(lane), time.monotonic()
                held = now < self._holds_until
                if self._closing or self._retires(lane) or (state is None and not held):
                    return Close()
                if state is not None and state.incarnation != incarnation:
                    return Close()
                if state is not None and self._queue and not held:
                    state.running, state.progress = self._queue.popleft(), None
                    state.last_event = now
                    state.served += 1
                    return Work(state.running.segment, state.running.ticket, time.time(), state.served > 1)
                if now >= until:
                    return Idle()
                wake = min(until, self._holds_until) if held else until
                try:
                    await asyncio.wait_for(self._arrived.wait(), wake - now)
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
        if state is None:
            known = not self._ordered or lane in self._orders.lanes
            return HeartbeatReply(leave=not known, stop=self._stops(lane), adopt=known)
        if state.incarnation != incarnation:
            return HeartbeatReply(leave=True, stop=True)
        state.last_heartbeat = time.monotonic()
        if progress is not None and state.running is not None and progress.ticket == state.running.ticket:
            if state.progress is None or progress.events != state.progress.events:
                state.last_event = state.last_heartbeat
            state.progress = progress
        return HeartbeatReply(leave=False, stop=self._stops(lane))

    async def done(self, lane: str, incarnation: str, ticket: int, result: SegmentResult) -> bool:
        """Takes the result of a segment; returns whether it was listened to."""
        while lane not in self._lanes and time.monotonic() < self._holds_until:
            await asyncio.sleep(0.05)  # the lane's heartbeat is about to say what it has
        state = self._lanes.get(lane)
        if state is None or state.incarnation != incarnation or state.running is None:
            return False
        if state.running.ticket != ticket:
            return False
        self._answer(state, result)
        return True

    async def refuse(self, lane: str, why: str) -> None:
        """Takes the reason why a lane's workers cannot work where they are."""
        if why not in self._refusals:
            self._refusals.append(why)

    async def workers_failed(self, lane: str, start: int, why: str, cause: str) -> None:
        """Takes Ray Train's word on why a lane's workers have ended; what they held is lost."""
        state = self._lanes.get(lane)
        if state is not None and state.start == start:
            self._drop(state, why, cause)

    # -- the driver ---------------------------------------------------------------------------------

    async def sync(self, orders: Orders) -> Overview:
        """Takes the driver's orders and returns the state of lanes and segments."""
        self._orders, self._ordered = orders, True
        for name, state in self._lanes.items():
            order = orders.lanes.get(name)
            if order is None or state.start < order.start:
                order = order or LaneOrder(0)
                self._drop(state, order.why or "the lane was given up", order.cause)
        if orders.stop or orders.recall:
            while self._queue:
                self._settle(self._queue.popleft(), SegmentResult(STOPPED))
        if any(order.retire for order in orders.lanes.values()):
            async with self._arrived:
                self._arrived.notify_all()
        return self.overview()

    async def close(self) -> None:
        """Tells every lane to end."""
        await self.sync(Orders({name: LaneOrder(state.start) for name, state in self._lanes.items()}, stop=True))
        async with self._arrived:
            self._closing = True
            self._arrived.notify_all()

    def overview(self) -> Overview:
        """Returns the state of lanes and segments, and which lanes have gone silent or hang."""
        now = time.monotonic()
        lanes = {}
        for name, state in self._lanes.items():
            trouble, cause = self._trouble(name, state, now) if state.incarnation else ("", "")
            lanes[name] = LaneView(
                up=bool(state.incarnation),
                start=state.start,
                incarnation=state.incarnation,
                joined=state.joined,
                silent=now - state.last_heartbeat if state.incarnation else 0.0,
                trouble=trouble,
                cause=cause,
                live=state.live(name),
            )
        return Overview(lanes, tuple(queued.segment for queued in self._queue), tuple(self._refusals), self._life)

    def _held(self) -> list[QueuedSegment]:
        running = [state.running for state in self._lanes.values() if state.running is not None]
        return [*running, *self._queue]

    def _is_outdated(self, lane: str, start: int) -> bool:
        order = self._orders.lanes.get(lane)
        return self._ordered and (order is None or start < order.start)

    def _retires(self, lane: str) -> bool:
        order = self._orders.lanes.get(lane)
        return order is not None and order.retire

    def _stops(self, lane: str) -> bool:
        return self._orders.stop or self._retires(lane)

    def _trouble(self, name: str, state: LaneState, now: float) -> tuple[str, str]:
        if now - state.last_heartbeat > self._limits.silence:
            return f"no heartbeat for {now - state.last_heartbeat:.0f} s", causes.LOST_WORKER
        live = state.live(name)
        if live is None:
            return "", ""
        limit = self._limits.evaluating if live.phase == "evaluating" else self._limits.training
        quiet = now - state.last_event
        return (f"no sign of life while {live.phase} for {quiet:.0f} s", causes.HANG) if quiet > limit else ("", "")

    def _drop(self, state: LaneState, why: str, cause: str) -> None:
        images = state.progress.live.images if state.progress is not None else 0
        self._answer(state, SegmentResult(LOST, error=why, images=images, cause=cause))
        state.incarnation, state.joined = "", 0.0

    def _answer(self, state: LaneState, result: SegmentResult) -> None:
        queued, state.running, state.progress = state.running, None, None
        if queued is not None:
            self._settle(queued, result)

    def _settle(self, queued: QueuedSegment, result: SegmentResult) -> None:
        if not queued.awaited and result.kind == DONE:
            self._unclaimed[queued.segment.id] = result
        elif not queued.result.done():
            queued.result.set_result(result)


def _was_reconstructed() -> bool:
    import ray

    return ray.is_initialized() and bool(ray.get_runtime_context().was_current_actor_reconstructed)
