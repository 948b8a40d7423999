"""Every fault, one after another, and the table: ``make faults``.

``python run.py --minutes 8`` stops starting attempts of a fault when its share of the time is used, but makes at least
one; ``--only`` runs some; ``--write`` puts the table into docs/reliability.md. The seed is printed; ``--seed`` repeats
all that is random.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import disks
import kills
import servers
import signals
import table
from server import HERE, QUIET, REPOSITORY
from worlds import Row, World

GENERATED = 10_000

FAULTS: dict[str, tuple[float, Callable[[World], Row]]] = {
    "operations": (30, lambda world: kills.at_operations(world, 400)),
    "chains": (8, lambda world: kills.chains(world, 40)),
    "times": (6, lambda world: kills.at_random_times(world, 40)),
    "chains-times": (6, lambda world: kills.chains_at_random_times(world, 20)),
    "sigterm": (4, lambda world: signals.asked_to_end(world, signal.SIGTERM, 15)),
    "sigint": (4, lambda world: signals.asked_to_end(world, signal.SIGINT, 15)),
    "sighup": (4, lambda world: signals.asked_to_end(world, signal.SIGHUP, 15)),
    "sigstop": (6, lambda world: signals.stopped_and_continued(world, 35)),
    "races-fresh": (7, lambda world: signals.races(world, 30, fresh=True)),
    "races": (7, lambda world: signals.races(world, 30, fresh=False)),
    "full": (5, lambda world: disks.full(world, 8)),
    "read-only": (4, lambda world: disks.read_only(world, 6)),
    "flips": (4, lambda world: disks.flips(world, 40)),
    "server": (4, lambda world: servers.killed(world, 5)),
    "server-down": (2, lambda world: servers.down(world, 2)),
}
"""Name -> its share of the time, and the fault."""


def main() -> int:
    """Runs the faults; the exit code says whether all were survived."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=5, help="for everything but the generated inputs")
    options.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options.add_argument("--jobs", type=int, default=2, help="attempts at once")
    options.add_argument("--only", nargs="*", choices=[*FAULTS, "generated"], help="some faults")
    options.add_argument("--generated", type=int, default=GENERATED, help="how many generated inputs")
    options.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    options.add_argument("--keep", type=Path, help="a folder for the stores of what failed")
    given = options.parse_args()
    chosen = given.only or [*FAULTS, "generated"]
    folder = given.keep or Path(tempfile.mkdtemp(prefix="faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {given.seed}; what fails stays in {folder}", flush=True)
    began = time.monotonic()
    rows: list[Row] = []
    faults = [name for name in chosen if name in FAULTS]
    if faults:
        with World(folder, given.seed, given.jobs) as world:
            until = began + given.minutes * 60
            for index, name in enumerate(faults):
                share, fault = FAULTS[name]
                if name in ("full", "read-only") and not disks.can_mount():
                    print(f"{name}: left out, it needs root")
                    continue
                # of what is left: what one fault takes too much or leaves over is shared by those after it
                shares = sum(FAULTS[item][0] for item in faults[index:])
                world.seconds = max(0.0, until - time.monotonic()) * share / shares
                rows.append(fault(world))
    inputs = generated(given.seed, given.generated, given.jobs) if "generated" in chosen else None
    text = table.render(rows, inputs, given.seed, time.monotonic() - began)
    print(f"\n{text}")
    if given.write:
        table.write(REPOSITORY / "docs" / "reliability.md", text)
    failed = any(row.failed for row in rows) or bool(inputs and inputs[1])
    if not failed and given.keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


def generated(seed: int, count: int, jobs: int) -> tuple[int, int]:
    """Feeds generated inputs to the command line in processes side by side; returns how many, and how many failed."""
    environment = {**os.environ, **QUIET, "PYTHONPATH": f"{REPOSITORY}:{HERE}"}
    each = -(-count // jobs)
    commands: Sequence[Sequence[str]] = [
        [sys.executable, str(HERE / "fuzz_main.py"), str(seed), str(index * each), str(min(each, count - index * each))]
        for index in range(jobs)
    ]
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for command in commands
    ]
    tried, failed, problems = 0, 0, Counter[str]()
    for process, command in zip(processes, commands, strict=True):
        lines = [json.loads(line) for line in process.communicate()[0].splitlines() if line.startswith("{")]
        if not lines or "tried" not in lines[-1]:
            print(
                f"  FAILED the generator itself ended early ({process.returncode}): {shlex.join(command)}", flush=True
            )
            failed += 1
            continue
        tried, failed = tried + lines[-1]["tried"], failed + lines[-1]["failed"]
        for line in lines[:-1]:
            problems[line["problem"][:200]] += 1
            if problems[line["problem"][:200]] == 1:
                print(f"  FAILED {line['problem'][:300]}\n         {line['case'][:600]}", flush=True)
    print(f"generated inputs: {tried} tried, {failed} without their one sentence", flush=True)
    return tried, failed


if __name__ == "__main__":
    sys.exit(main())
