"""Signals to the process that runs a study, and what it does when a second driver comes meanwhile."""

from __future__ import annotations

import json
import signal
import time
from functools import partial
from pathlib import Path

from worlds import Row, Verdict, World, wrong

STOPPED, ENDED = 3, 130
"""Exit codes of a run that was asked to end once, and at once."""


def asked_to_end(world: World, number: signal.Signals, attempts: int) -> Row:
    """Sends the signal once to three times, a moment apart, at random times of a first run."""
    choose = world.random(number.name)
    tries = [partial(_end, world, number, choose.uniform(0.1, 2.5), 1 + index % 3) for index in range(attempts)]
    return world.all(f"{number.name} once to three times, fresh store", tries)


def _end(world: World, number: signal.Signals, delay: float, times: int) -> Verdict:
    store = world.new_store()
    command = world.start(store)
    # until the run has begun, the signal's own effect is as good: nothing is there to checkpoint
    began = _wait_for(store / "studies" / "tiny" / "claims", 60)
    time.sleep(delay if began else 0)
    for _ in range(times):
        command.signal(number)
        time.sleep(0.1)
    ended = command.wait()
    what = f"{number.name} x {times} {delay:.2f} s after the start"
    return world.finish(what, store, wrong(ended, 0, STOPPED, ENDED, -number))


def stopped_and_continued(world: World, seconds: float) -> Row:
    """Stops a run for longer than its claim lasts, lets a second driver come, then lets the first one go on."""
    choose = world.random("stopped")
    tries = [partial(_pause, world, choose.uniform(0.0, 1.0), seconds) for _ in range(2)]
    return world.all(f"SIGSTOP for {seconds:.0f} s, a second driver meanwhile, SIGCONT", tries)


def _pause(world: World, delay: float, seconds: float) -> Verdict:
    store = world.new_store()
    first = world.start(store)
    _wait_for(store / "trials", 60)
    time.sleep(delay)
    first.signal(signal.SIGSTOP)
    time.sleep(seconds)
    second = world.start(store)
    time.sleep(1.0)
    first.signal(signal.SIGCONT)
    problems = []
    for name, command in (("first", first), ("second", second)):
        ended = command.wait(180)
        # whichever has the study finishes it; the other one says so, and has changed nothing
        problems += [f"{name} driver: {item}" for item in wrong(ended, 0, 1, 2, STOPPED)]
    return world.finish(f"stopped {delay:.2f} s after the first trial for {seconds:.0f} s", store, problems)


def races(world: World, attempts: int, fresh: bool) -> Row:
    """Starts two drivers within milliseconds, on a fresh store or on one whose study waits to be continued."""
    choose = world.random(f"races {fresh}")
    where = "a fresh store" if fresh else "an existing store"
    tries = [partial(_race, world, choose.choice((0.0, 0.001, 0.003, 0.01, 0.1, 0.3)), fresh) for _ in range(attempts)]
    return world.all(f"two drivers at once on {where}", tries)


def _race(world: World, gap: float, fresh: bool) -> Verdict:
    store = world.new_store()
    problems: list[str] = []
    if not fresh:
        problems += world.half_done(store)
    before = stretches(store)
    commands = []
    for _ in range(2):
        commands.append(world.start(store))
        time.sleep(gap)
    ended = [command.wait(180) for command in commands]
    for item in ended:
        problems += wrong(item, 0, 2)
    refused = [item for item in ended if item.status == 2]
    if len(refused) == 2:
        problems.append(f"both were refused: {refused[0].output.strip()[-200:]}")
    problems += trained_twice(store, before)
    return world.finish(f"two drivers {gap * 1000:.0f} ms apart", store, problems)


def stretches(store: Path) -> set[Path]:
    """The records of curves."""
    return set(store.glob("trials/*/curve/[0-9]*.json"))


def trained_twice(store: Path, before: set[Path]) -> list[str]:
    """Sentences on stretches that were trained more than once since there were those of ``before``."""
    starts = [
        (path.parts[-3][:8], json.loads(path.read_bytes())["content"]["start"])
        for path in sorted(stretches(store) - before)
    ]
    return [f"{trial} was trained twice from {start}" for trial, start in {*starts} if starts.count((trial, start)) > 1]


def _wait_for(folder: Path, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if folder.is_dir() and any(folder.iterdir()):
            return True
        time.sleep(0.01)
    return False
