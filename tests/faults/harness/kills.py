"""kill -9: at operations of files and SQLite, at random times, and several times in a row."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from worlds import Row, Verdict, World


def at_operations(world: World, attempts: int) -> Row:
    """Kills a fresh store's first run at operations spread over all of it, from the first to the last."""
    stride = max(1.0, world.operations / attempts)
    offset = world.random("operations").random() * stride
    points = sorted({min(world.operations, int(offset + index * stride) + 1) for index in range(attempts)})
    print(f"operations of a first run: {world.operations}; killed at {len(points)}, every {stride:.1f}", flush=True)
    return world.all(
        f"kill -9 at one of the {world.operations} file and SQL operations, fresh store",
        [partial(_at, world, (point,)) for point in points],
    )


def chains(world: World, attempts: int) -> Row:
    """Kills the first run and two that continue it, each at an operation of its own."""
    choose = world.random("chains")
    points = [[choose.randint(1, world.operations) for _ in range(3)] for _ in range(attempts)]
    return world.all(
        "kill -9 three times in a row, at random operations", [partial(_at, world, item) for item in points]
    )


def _at(world: World, points: tuple[int, ...]) -> Verdict:
    store = world.new_store()
    problems: list[str] = []
    for point in points:
        ended = world.start(store, fault={"root": str(store), "kill_at": point}).wait()
        if ended.status not in (-9, 0):  # 0: it had fewer operations left than that
            problems.append(f"exit code {ended.status} before the kill: {ended.output.strip()[-300:]}")
    return world.finish(f"killed at {points}", store, problems)


def at_random_times(world: World, attempts: int) -> Row:
    """Kills a fresh store's first run after a random time: between and inside of SQLite's own writes, too."""
    choose = world.random("times")
    typical = _seconds(world)
    delays = [choose.uniform(0.0, typical) for _ in range(attempts)]
    tries: list[Callable[[], Verdict]] = [partial(_after, world, (delay,)) for delay in delays]
    return world.all("kill -9 at random times, fresh store", tries)


def chains_at_random_times(world: World, attempts: int) -> Row:
    """Kills the first run and three that continue it, each after a random time."""
    choose = world.random("chains of times")
    typical = _seconds(world)
    tries = [partial(_after, world, [choose.uniform(0.0, typical) for _ in range(4)]) for _ in range(attempts)]
    return world.all("kill -9 four times in a row, at random times", tries)


def _after(world: World, delays: list[float]) -> Verdict:
    store = world.new_store()
    problems: list[str] = []
    for delay in delays:
        command = world.start(store)
        time.sleep(delay)
        command.signal(9)
        ended = command.wait()
        if ended.status not in (-9, 0):
            problems.append(f"exit code {ended.status} before the kill: {ended.output.strip()[-300:]}")
    return world.finish(f"killed after {', '.join(f'{delay:.3f}' for delay in delays)} s", store, problems)


def _seconds(world: World) -> float:
    """How long a first run takes here and now."""
    store: Path = world.new_store()
    return world.start(store).wait().seconds
