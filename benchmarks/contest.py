"""Contestants that take turns: one process each, all up at once, one working at a time.

Own processes keep global switches (TensorFloat-32, compiled code, memory peaks) apart; taking turns spreads whatever
else the machine does over all of them, so that the ratios hold on a machine that is not quite idle.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from time import perf_counter, process_time
from typing import Any

import torch

from dit_core.runtime.memory import forget_peak, peak_memory

Contestant = Callable[[Any], Iterator[float]]
"""Takes the options. The first value, which is not used, says that it is built and warm; every further one is the
seconds that one unit of work took in a turn."""

PROFILE_ROWS, KERNELS = 20, 10


@dataclass
class Profile:
    """Where the time of a turn went.

    Attributes:
        table: PyTorch's.
        kernels: name, share of the device's time and calls of the kernels (operators on the CPU) that took longest.
        device_seconds: that the device computed; 0 on the CPU.
        seconds: that the turn took, under the profiler.
    """

    table: str
    kernels: list[tuple[str, float, int]]
    device_seconds: float
    seconds: float


@dataclass
class Outcome:
    """What became of a contestant.

    Attributes:
        seconds: per unit of work, one value for each round.
        processor: seconds of processor time for one unit of work, over all threads, one value for each round.
        start_seconds: building, compiling and warming up.
        peak_bytes: the most memory held in the rounds; None where the system cannot tell.
        problem: why it could not run; None when it could.
        profile: where the time of one more turn went, if asked for.
    """

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    start_seconds: float = 0.0
    peak_bytes: int | None = None
    problem: str | None = None
    profile: Profile | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def hold(
    contestants: Mapping[str, Contestant], options: Any, rounds: int, device: torch.device, profiled: str | None = None
) -> dict[str, Outcome]:
    """Lets the contestants take turns.

    Args:
        contestants: by name; module-level functions.
        options: given to each.
        rounds: turns of each.
        device: where they run.
        profiled: who is profiled in one more turn.
    """
    context = multiprocessing.get_context("spawn")
    outcomes = {name: Outcome() for name in contestants}
    lines: dict[str, Connection] = {}
    processes = []

    def say(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)

    def ask(name: str, order: str) -> Any:
        try:
            lines[name].send(order)
            kind, value = lines[name].recv()
        except (EOFError, BrokenPipeError):
            kind, value = "problem", "its process died (out of memory?)"
        if kind == "problem":
            outcomes[name].problem = value
            del lines[name]
            return None
        return value

    try:
        for name, contestant in contestants.items():
            lines[name], far_end = context.Pipe()
            process = context.Process(target=_serve, args=(far_end, contestant, options, str(device)), daemon=False)
            process.start()
            far_end.close()
            processes.append(process)
        for name in contestants:
            say(f"{name}: building and warming up")
            if (seconds := ask(name, "start")) is not None:
                outcomes[name].start_seconds = seconds
        for turn in range(rounds):
            for name in list(lines):
                say(f"round {turn + 1} of {rounds}: {name}")
                if (found := ask(name, "turn")) is not None:
                    outcomes[name].seconds.append(found[0])
                    outcomes[name].processor.append(found[1])
        for name in list(lines):
            outcomes[name].peak_bytes = ask(name, "peak")
        if profiled in lines:
            say(f"profiling {profiled}")
            outcomes[profiled].profile = ask(profiled, "profile")
    finally:
        for line in lines.values():
            line.close()
        for process in processes:
            process.join()
        say("")
        say("\r")
    return outcomes


def _serve(line: Connection, contestant: Contestant, options: Any, device_name: str) -> None:
    """Runs in a contestant's process until the other end closes the line."""
    device = torch.device(device_name)
    turns = contestant(options)
    try:
        while True:
            order = line.recv()
            value: Any = None
            if order == "start":
                began = perf_counter()
                next(turns)
                value = perf_counter() - began
                peak_is_its_own = forget_peak()
            elif order == "turn":
                began, busy = perf_counter(), process_time()
                seconds = next(turns)
                value = seconds, seconds * (process_time() - busy) / (perf_counter() - began)
                if device.type == "cuda":
                    torch.cuda.empty_cache()  # the next contestant's turn to fill the card
            elif order == "peak":
                value = peak_memory() if peak_is_its_own else None
            elif order == "profile":
                value = _profile(turns, device)
            line.send(("value", value))
    except EOFError:
        pass
    except torch.OutOfMemoryError:
        line.send(("problem", "out of memory"))
    except Exception as error:
        traceback.print_exc()
        line.send(("problem", f"{type(error).__name__}: {error}"))


def _profile(turns: Iterator[float], device: torch.device) -> Profile:
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    began = perf_counter()
    with torch.profiler.profile(activities=activities) as profiler:
        next(turns)
        seconds = perf_counter() - began
    found = profiler.key_averages()
    on_gpu = device.type == "cuda"
    order = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    table = found.table(sort_by=order, row_limit=PROFILE_ROWS, max_name_column_width=48)
    own = [item for item in found if not on_gpu or item.device_type == torch.autograd.DeviceType.CUDA]
    own.sort(key=lambda item: -getattr(item, order))
    total = sum(getattr(item, order) for item in own) or 1.0
    kernels = [(item.key, getattr(item, order) / total, item.count) for item in own[:KERNELS]]
    return Profile(str(table), kernels, total / 1e6 if on_gpu else 0.0, seconds)


def ratios(outcomes: Mapping[str, Outcome], name: str, ours: str) -> tuple[float, float, float] | None:
    """Returns how many times faster ``ours`` was than ``name``: median, smallest and largest over the rounds."""
    if outcomes[name].problem or outcomes[ours].problem:
        return None
    pairs = zip(outcomes[name].seconds, outcomes[ours].seconds, strict=True)
    found = [theirs / mine for theirs, mine in pairs]
    return statistics.median(found), min(found), max(found)


def table(header: list[str], rows: list[list[str]]) -> str:
    """Lays out rows under a header, the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in [header, ["-" * width for width in widths], *rows]
    )
