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
from hardware import peak_memory, reset_peak_memory

Contestant = Callable[[Any], Iterator[float]]
"""Takes the options. The first value, which is not used, says that it is built and warm; every further one is the
seconds that one unit of work took in a turn."""

PROFILE_ROWS = 20


@dataclass
class Outcome:
    """What became of a contestant.

    Attributes:
        seconds: per unit of work, one value for each round.
        processor: seconds of processor time for one unit of work, over all threads, one value for each round.
        start_seconds: building, compiling and warming up.
        peak_bytes: the most memory held in the rounds.
        problem: why it could not run; None when it could.
        profile: a table of where the time of one more turn went, if asked for.
    """

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    start_seconds: float = 0.0
    peak_bytes: int = 0
    problem: str | None = None
    profile: str = ""

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
            outcomes[name].peak_bytes = ask(name, "peak") or 0
        if profiled in lines:
            say(f"profiling {profiled}")
            outcomes[profiled].profile = ask(profiled, "profile") or ""
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
                reset_peak_memory(device)
            elif order == "turn":
                began, busy = perf_counter(), process_time()
                seconds = next(turns)
                value = seconds, seconds * (process_time() - busy) / (perf_counter() - began)
                if device.type == "cuda":
                    torch.cuda.empty_cache()  # the next contestant's turn to fill the card
            elif order == "peak":
                value = peak_memory(device)
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


def _profile(turns: Iterator[float], device: torch.device) -> str:
    activities = [torch.profiler.ProfilerActivity.CPU]
    order = "self_cpu_time_total"
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
        order = "self_cuda_time_total"
    with torch.profiler.profile(activities=activities) as profiler:
        next(turns)
    return str(profiler.key_averages().table(sort_by=order, row_limit=PROFILE_ROWS, max_name_column_width=48))


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
