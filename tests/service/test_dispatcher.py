"""The dispatcher: long polls, fencing by incarnation and ticket, lost lanes, hung segments, stopping."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from service.engine.dispatcher import Dispatcher
from service.engine.lane_state import Limits
from service.engine.messages import Close, HeartbeatReply, Idle, Progress, Work
from service.engine.segment import Segment
from service.engine.wire import DONE, Live, SegmentResult, TimedPoint

SEGMENT = Segment("a seed=0", "a" * 64, 128, {})
OK = SegmentResult(DONE)


def progress(order: Work, images: int, phase: str = "training", events: int = 1) -> Progress:
    return Progress(order.ticket, Live(SEGMENT.trial, SEGMENT.until, images, phase=phase), events)


def scenario(play: Callable[[Dispatcher], Awaitable[None]], limits: Limits | None = None) -> None:
    async def all_of_it() -> None:
        await asyncio.wait_for(play(Dispatcher(limits)), 10)

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
        seen = await dispatcher.overview()
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
        await dispatcher.lane_dead("lane-0", "its host died")
        assert (await task).error == "its host died"
        assert not (await dispatcher.overview()).lanes["lane-0"].up
        assert (await dispatcher.heartbeat("lane-0", "x", None)).leave

    scenario(play)


@pytest.mark.parametrize("phase", ["training", "evaluating"])
def test_a_hung_segment_is_noticed_although_its_heart_beats(phase: str) -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        await submit(dispatcher)
        order = await dispatcher.take("lane-0", "x", 1)
        for _ in range(10):
            await dispatcher.heartbeat("lane-0", "x", progress(order, 32, phase))
            await asyncio.sleep(0.03)
        trouble = (await dispatcher.overview()).lanes["lane-0"].trouble
        assert ("no sign of life while training" in trouble) == (phase == "training")

    scenario(play, Limits(silence=5, training=0.2, evaluating=60))


def test_a_silent_lane_is_noticed() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        assert (await dispatcher.overview()).lanes["lane-0"].trouble == ""
        await asyncio.sleep(0.1)
        assert "no heartbeat" in (await dispatcher.overview()).lanes["lane-0"].trouble

    scenario(play, Limits(silence=0.05))


def test_stop_gives_queued_segments_back_and_asks_running_ones() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        running = await submit(dispatcher)
        order = await dispatcher.take("lane-0", "x", 1)
        queued = await submit(dispatcher)
        assert not (await dispatcher.heartbeat("lane-0", "x", None)).stop
        await dispatcher.stop()
        assert (await queued).kind == "stopped"
        assert (await dispatcher.heartbeat("lane-0", "x", None)) == HeartbeatReply(leave=False, stop=True)
        assert (await dispatcher.run(SEGMENT)).kind == "stopped"
        assert await dispatcher.done("lane-0", "x", order.ticket, OK)
        assert (await running).kind == "done"
        await dispatcher.close()
        assert await dispatcher.take("lane-0", "x", 5) == Close()

    scenario(play)


def test_thousands_of_waiting_submits_starve_nobody() -> None:
    async def play(dispatcher: Dispatcher) -> None:
        await dispatcher.join("lane-0", "x")
        tasks = [asyncio.create_task(dispatcher.run(SEGMENT)) for _ in range(3000)]
        for _ in range(3000):
            order = await dispatcher.take("lane-0", "x", 1)
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
        await submit(dispatcher)
        running, queued = (await dispatcher.overview()).live
        assert running.tail == tail and running.lane == "lane-0"
        assert "tail" not in running.to_json() and Live(**running.to_json()) == replace(running, tail=())
        assert (queued.phase, queued.lane) == ("queued", "")

    scenario(play)
