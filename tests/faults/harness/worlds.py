"""The study that is disturbed, the undisturbed run that it is compared with, and one attempt with its verdict."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from judged import Difference, Seen, compare, see
from server import Command, Ended, ForkServer

STUDY: dict[str, Any] = {
    "name": "tiny",
    "baseline": {
        "profile": "digits",
        "overrides": {
            "size": "S", "training.batch_size": 32, "training.log_every_steps": 1, "evaluation.num_samples": 64,
            "evaluation.batch_size": 64, "evaluation.sampling_steps": 2, "evaluation.grid_images": 10,
        },
    },
    "ablations": [{"axis": "patch_size", "values": [4, 8]}],
    "seeds": [0],
    "budget_images": 256,
    "rungs": [128],
    "policy": "rungs",  # stops an arm at its look
    "checkpoint_images": 64,
}  # fmt: skip
"""Three arms, one of them stopped at the rung, four checkpoints each: two seconds, and every kind of record."""


@dataclass(frozen=True)
class Verdict:
    """How an attempt ended.

    Attributes:
        what: the fault, e.g. ``kill at operation 312``.
        difference: from the undisturbed run.
        problems: everything else that must not be: an exit code, a traceback.
    """

    what: str
    difference: Difference = field(default_factory=Difference)
    problems: tuple[str, ...] = ()

    @property
    def survived(self) -> bool:
        """Whether the study ended as an undisturbed one does."""
        return self.difference.none and not self.problems

    def __str__(self) -> str:
        return f"{self.what}: {'; '.join((*self.problems, *self.difference.sentences)) or 'survived'}"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        fault: what was done.
        verdicts: one per attempt.
    """

    fault: str
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The attempts that were not survived."""
        return tuple(verdict for verdict in self.verdicts if not verdict.survived)

    def cells(self) -> tuple[str, ...]:
        """The columns: fault, tried, survived, lost, duplicated, bit-identical, left behind."""
        count = lambda name: str(sum(bool(getattr(verdict.difference, name)) for verdict in self.verdicts))  # noqa: E731
        identical = sum(not verdict.difference.changed for verdict in self.verdicts)
        total = len(self.verdicts)
        return (
            self.fault, str(total), str(total - len(self.failed)), count("lost"), count("duplicated"),
            "yes" if identical == total else f"{identical} of {total}", count("left"),
        )  # fmt: skip


class World:
    """A fork server that has imported what the study needs, and the study's undisturbed run.

    Args:
        folder: for everything.
        seed: of the random choices; printed, so that a failure can be repeated.
        jobs: attempts at once.
    """

    def __init__(self, folder: Path, seed: int, jobs: int = 2) -> None:
        self.folder, self.seed, self.jobs = folder, seed, jobs
        self.study = folder / "study.yaml"
        self.study.write_text(yaml.safe_dump(STUDY, sort_keys=False))
        self.seconds = 600.0  # how long the attempts of one fault may be started
        self._number = 0
        self._lock = threading.Lock()

    def __enter__(self) -> World:
        learnt, store = self.folder / "modules.txt", self.folder / "undisturbed"
        with ForkServer(self.folder) as first:  # which modules a run imports is what it has imported at its end
            self._must(first.run(*self.command(store), modules=learnt))
        shutil.rmtree(store)
        self.server = ForkServer(self.folder, learnt.read_text().split()).__enter__()
        trace = self.folder / "operations.txt"
        self._must(self.server.run(*self.command(store), fault={"root": str(store), "trace": str(trace)}))
        operations = trace.read_text().splitlines()
        self.operations = len(operations)
        # some operations after the decision at the rung is there: all arms are evaluated once, none is finished
        self.half = next(number for number, line in enumerate(operations) if "/decisions/" in line) + 20
        self.expected: Seen = see(store)
        self.undisturbed = store
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    def command(self, store: Path, *more: object) -> tuple[object, ...]:
        """The arguments that run the study."""
        return ("run", self.study, "--executor", "local", "--store", store, *more)

    def start(self, store: Path, **options: Any) -> Command:
        """Starts the study."""
        return self.server.start(*self.command(store), **options)

    def half_done(self, store: Path) -> list[str]:
        """Runs the study to its rung and kills it there; returns what must not be about that."""
        ended = self.start(store, fault={"root": str(store), "kill_at": self.half}).wait(180)
        return wrong(ended, -9)

    def new_store(self) -> Path:
        """A name that no store has."""
        with self._lock:
            self._number += 1
            return self.folder / f"store-{self._number:05d}"

    def finish(self, what: str, store: Path, problems: Iterable[str] = ()) -> Verdict:
        """Runs the study to its end, judges it and removes the store if all is well."""
        found = [*problems]
        again = self.random(what).random() < 0.25  # a second run more, of some
        try:
            ended = self.server.run(*self.command(store), seconds=180)
            found += wrong(ended)
            if not found and again:
                ended = self.server.run(*self.command(store), seconds=180)  # what changes nothing costs nothing
                found += wrong(ended)
                if "nothing is left to run" not in ended.output:
                    found.append("the second run found something to do")
        except TimeoutError as error:
            found.append(f"hung: {error}")
        difference = compare(see(store), self.expected)
        verdict = Verdict(what, difference, tuple(found))
        if verdict.survived:
            shutil.rmtree(store, ignore_errors=True)
        return verdict

    def all(self, fault: str, attempts: Iterable[Callable[[], Verdict]]) -> Row:
        """Makes the attempts in a random order, some at once, as many as there is time for, one at least."""
        chosen = list(attempts)
        self.random("order").shuffle(chosen)
        until = time.monotonic() + self.seconds
        with ThreadPoolExecutor(self.jobs) as pool:
            in_time = lambda item: _guarded(item[1]) if item[0] == 0 or time.monotonic() < until else None  # noqa: E731
            tried = pool.map(in_time, enumerate(chosen))
            verdicts = [verdict for verdict in tried if verdict is not None]
        row = Row(fault, tuple(verdicts))
        for verdict in row.failed[:5]:
            print(f"  FAILED {str(verdict)[:600]}", flush=True)
        print("| " + " | ".join(row.cells()) + " |", flush=True)
        return row

    def random(self, what: str) -> random.Random:
        """The random numbers of one kind of fault."""
        return random.Random(f"{self.seed} {what}")

    @staticmethod
    def _must(ended: Ended) -> None:
        if wrong(ended):
            raise RuntimeError(f"the undisturbed run failed with {ended.status}:\n{ended.output[-3000:]}")


def _guarded(attempt: Callable[[], Verdict]) -> Verdict:
    try:
        return attempt()
    except Exception as error:  # the harness's own trouble must not end the others
        return Verdict(getattr(attempt, "__name__", "attempt"), problems=(f"the harness failed: {error!r:.500}",))


def wrong(ended: Ended, *expected: int) -> list[str]:
    """What must not be about the end of a command."""
    found = []
    if ended.status not in (expected or (0,)):
        found.append(f"exit code {ended.status}: {ended.output.strip()[-300:]}")
    if "Traceback (most recent call last)" in ended.output:
        found.append(f"a traceback: {ended.output.strip()[-300:]}")
    return found
