"""The dispatcher: long polls, fencing by incarnation and ticket, lost lanes, hung segments, stopping."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from set_clock import SetClock, set_clock

from service.engine.dispatcher import Dispatcher
from service.engine.lane_state import Limits
from service.engine.messages import Close, HeartbeatReply, Idle, LaneOrder, Membership, Orders, Progress, Work
from service.engine.segment import Segment
from service.engine.wire import DONE, Live, SegmentResult, TimedPoint

SEGMENT = Segment("a seed=0", "a" * 64, 128, {})
SECOND = replace(SEGMENT, until=256)
OK = SegmentResult(DONE)


def progress(order: Work, images: int, phase: str = "training", events: int = 1) -> Progress:
    return Progress(order.ticket, Live(SEGMENT.trial, SEGMENT.until, images, phase=phase), events)


def scenario(play: Callable[[Dispatcher], Awaitable[None]], limits: Limits | None = None) -> None:
    async def all_of_it() -> None:
        await asyncio.wait_for(play(Dispatcher(limits)), 300)

    asyncio.run(all_of_it())


async def submit(dispatcher: Dispatcher, segment=SEGMENT) -> asyncio.Task:
    task = asyncio.create_task(dispatcher.run(segment))
    await asyncio.sleep(0)
    return task


def test_a_segment_goes_through() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        poll = asyncio.create_task(dispatcher.take("lane-0", "x", 5))
        await asyncio.sleep(0.01)
        task = await submit(dispatcher)
        order = await poll
        assert order.segment == SEGMENT and not order.warm
        await dispatcher.heartbeat("lane-0", "x", progress(order, 64))
        seen = dispatcher.overview()
        assert seen.lanes["lane-0"].live == Live(SEGMENT.trial, 128, 64, phase="training", lane="lane-0")
        assert seen.queued == ()
        assert await dispatcher.done("lane-0", "x", order.ticket, OK)
        assert (await task).kind == "done"
        await submit(dispatcher)
        assert (await dispatcher.take("lane-0", "x", 5)).warm

    scenario(play)


def test_a_poll_ends_idle() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        assert await dispatcher.take("lane-0", "x", 0.05) == Idle()

    scenario(play)


def test_a_new_incarnation_fences_the_old_one_off() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "old")
        task = await submit(dispatcher)
        order = await dispatcher.take("lane-0", "old", 1)
        await dispatcher.heartbeat("lane-0", "old", progress(order, 96))
        await dispatcher.join("lane-0", "new")
        lost = await task
        assert (lost.kind, lost.images) == ("lost", 96)
        second = await submit(dispatcher)
        taken = await dispatcher.take("lane-0", "new", 1)
        # what the dying group still says changes nothing
        assert not await dispatcher.done("lane-0", "old", order.ticket, OK)
        assert not await dispatcher.done("lane-0", "old", taken.ticket, OK)
        assert not await dispatcher.done("lane-0", "new", order.ticket, OK)
        assert (await dispatcher.heartbeat("lane-0", "old", None)).leave
        assert await dispatcher.take("lane-0", "old", 5) == Close()
        assert not second.done()
        assert await dispatcher.done("lane-0", "new", taken.ticket, OK)
        assert (await second).kind == "done"

    scenario(play)


def test_a_poll_of_a_dead_incarnation_takes_nothing() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "old")
        poll = asyncio.create_task(dispatcher.take("lane-0", "old", 5))
        await asyncio.sleep(0.01)
        await dispatcher.join("lane-0", "new")
        assert await poll == Close()
        await submit(dispatcher)
        assert isinstance(await dispatcher.take("lane-0", "new", 1), Work)

    scenario(play)


def test_a_dead_lane_loses_its_segment() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        task = await submit(dispatcher)
        await dispatcher.take("lane-0", "x", 1)
        await dispatcher.sync(Orders({"lane-0": LaneOrder(2, "its host died", "lost worker")}))
        lost = await task
        assert (lost.error, lost.cause) == ("its host died", "lost worker")
        assert not dispatcher.overview().lanes["lane-0"].up
        assert (await dispatcher.heartbeat("lane-0", "x", None)).leave

    scenario(play)


@pytest.mark.parametrize("phase", ["training", "evaluating"])
def test_a_hung_segment_is_noticed_although_its_heart_beats(phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = set_clock(monkeypatch, "service.engine.dispatcher")

    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        await submit(dispatcher)
        order = await dispatcher.take("lane-0", "x", 1)
        for _ in range(10):
            await dispatcher.heartbeat("lane-0", "x", progress(order, 32, phase))
            clock.now += 30
        trouble = dispatcher.overview().lanes["lane-0"].trouble
        assert ("no sign of life while training" in trouble) == (phase == "training")

    scenario(play, Limits(silence=60, training=200, evaluating=600))


def test_a_silent_lane_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = set_clock(monkeypatch, "service.engine.dispatcher")

    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        assert dispatcher.overview().lanes["lane-0"].trouble == ""
        clock.now += 61
        assert "no heartbeat" in dispatcher.overview().lanes["lane-0"].trouble

    scenario(play, Limits(silence=60))


def test_stop_gives_queued_segments_back_and_asks_running_ones() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        running = await submit(dispatcher)
        order = await dispatcher.take("lane-0", "x", 1)
        queued = await submit(dispatcher, SECOND)
        assert not (await dispatcher.heartbeat("lane-0", "x", None)).stop
        await dispatcher.sync(Orders({"lane-0": LaneOrder(1)}, stop=True))
        assert (await queued).kind == "stopped"
        assert (await dispatcher.heartbeat("lane-0", "x", None)) == HeartbeatReply(leave=False, stop=True)
        assert (await dispatcher.run(SECOND)).kind == "stopped"
        assert await dispatcher.done("lane-0", "x", order.ticket, OK)
        assert (await running).kind == "done"
        await dispatcher.close()
        assert await dispatcher.take("lane-0", "x", 5) == Close()

    scenario(play)


@pytest.mark.slow
def test_thousands_of_waiting_submits_starve_nobody() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        tasks = [asyncio.create_task(dispatcher.run(replace(SEGMENT, until=step))) for step in range(3000)]
        for _ in range(3000):
            order = await dispatcher.take("lane-0", "x", 300)
            assert await dispatcher.done("lane-0", "x", order.ticket, OK)
        assert {item.kind for item in await asyncio.gather(*tasks)} == {"done"}

    scenario(play)


def test_the_newest_logging_windows_reach_the_driver() -> None:
    tail = (TimedPoint(64, 0.5, 0.4, 0.1, 1000.0), TimedPoint(96, 0.4, 0.3, 0.1, 1001.0))

    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        await submit(dispatcher)
        order = await dispatcher.take("lane-0", "x", 1)
        live = Live(SEGMENT.trial, 128, 96, 0.4, "training", tail=tail)
        await dispatcher.heartbeat("lane-0", "x", Progress(order.ticket, live, 2))
        await submit(dispatcher, SECOND)
        running, queued = dispatcher.overview().live
        assert running.tail == tail and running.lane == "lane-0"
        assert "tail" not in running.to_json() and Live(**running.to_json()) == replace(running, tail=())
        assert (queued.phase, queued.lane) == ("queued", "")

    scenario(play)


def test_a_lane_that_retires_gives_its_segment_back_and_ends() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        await dispatcher.join("lane-1", "y")
        retires, stays = await submit(dispatcher), await submit(dispatcher, SECOND)
        order = await dispatcher.take("lane-0", "x", 1)
        await dispatcher.take("lane-1", "y", 1)
        await dispatcher.sync(Orders({"lane-0": LaneOrder(1, retire=True), "lane-1": LaneOrder(1)}))
        assert (await dispatcher.heartbeat("lane-0", "x", None)) == HeartbeatReply(leave=False, stop=True)
        assert (await dispatcher.heartbeat("lane-1", "y", None)) == HeartbeatReply(leave=False, stop=False)
        assert await dispatcher.done("lane-0", "x", order.ticket, SegmentResult("stopped", images=64))
        assert (await retires).kind == "stopped" and not stays.done()
        assert await dispatcher.take("lane-0", "x", 5) == Close()

    scenario(play)


def test_an_idle_lane_that_retires_ends_at_once() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        poll = asyncio.create_task(dispatcher.take("lane-0", "x", 30))
        await asyncio.sleep(0.01)
        await dispatcher.sync(Orders({"lane-0": LaneOrder(1, retire=True)}))
        assert await poll == Close()

    scenario(play)


def reborn(play: Callable[[Dispatcher, SetClock], Awaitable[None]], patch: pytest.MonkeyPatch) -> None:
    """Plays with a dispatcher whose earlier life has died."""
    patch.setattr("service.engine.dispatcher.ADOPTION_SECONDS", 0.3)
    clock = set_clock(patch, "service.engine.dispatcher")

    async def all_of_it() -> None:
        await asyncio.wait_for(play(Dispatcher(reborn=True), clock), 300)

    asyncio.run(all_of_it())


def member(order: Work | None, incarnation: str = "x", start: int = 1) -> Membership:
    return Membership(start, incarnation, 1000.0, order, progress(order, 64) if order else None)


@pytest.mark.parametrize("trial_comes", ["before", "after", "when it is done"])
def test_a_reborn_dispatcher_adopts_what_lanes_run(trial_comes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(dispatcher: Dispatcher, clock: SetClock) -> None:
        order = Work(SEGMENT, 7, 0.0, True)
        assert (await dispatcher.heartbeat("lane-0", "x", None)) == HeartbeatReply(False, False, adopt=True)
        waiting = await submit(dispatcher) if trial_comes == "before" else None
        assert await dispatcher.adopt("lane-0", "x", member(order))
        assert dispatcher.overview().lanes["lane-0"].live.images == 64 and not dispatcher.overview().queued
        waiting = await submit(dispatcher) if trial_comes == "after" else waiting
        assert await dispatcher.done("lane-0", "x", 7, OK)
        waiting = waiting or await submit(dispatcher)
        assert await waiting == OK
        assert not dispatcher.overview().queued, "nothing runs twice"

    reborn(play, monkeypatch)


def test_a_result_waits_for_the_adoption(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(dispatcher: Dispatcher, clock: SetClock) -> None:
        said = asyncio.create_task(dispatcher.done("lane-0", "x", 7, OK))
        await asyncio.sleep(0.05)
        waiting = await submit(dispatcher)
        assert await dispatcher.adopt("lane-0", "x", member(Work(SEGMENT, 7, 0.0, True)))
        assert await said and await waiting == OK

    reborn(play, monkeypatch)


def test_a_reborn_dispatcher_hands_nothing_out_before_lanes_have_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(dispatcher: Dispatcher, clock: SetClock) -> None:
        await submit(dispatcher)
        await dispatcher.join("lane-1", "y")
        assert await dispatcher.take("lane-1", "y", 0.0) == Idle()
        poll = asyncio.create_task(dispatcher.take("lane-1", "y", 300))
        await asyncio.sleep(0)
        clock.now += 0.3
        assert isinstance(await poll, Work), "the poll that waited is answered as soon as lanes have had their time"
        # whoever comes too late with the same segment must end
        assert not await dispatcher.adopt("lane-0", "x", member(Work(SEGMENT, 7, 0.0, True)))

    reborn(play, monkeypatch)


def test_a_reborn_dispatcher_fences_off_who_the_driver_has_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(dispatcher: Dispatcher, clock: SetClock) -> None:
        await dispatcher.sync(Orders({"lane-0": LaneOrder(2)}))
        assert not await dispatcher.adopt("lane-0", "old", member(None, "old", start=1))
        assert await dispatcher.adopt("lane-0", "new", member(None, "new", start=2))
        assert not await dispatcher.adopt("lane-0", "old", member(None, "old", start=1))
        assert (await dispatcher.heartbeat("lane-1", "gone", None)).leave

    reborn(play, monkeypatch)
