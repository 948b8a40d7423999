"""What a command costs before it does anything: processor seconds, user and system, the least of several calls.

    python benchmarks/startup.py                  every command, three calls each
    python benchmarks/startup.py --calls 5        more calls
    python benchmarks/startup.py --json out.json  the figures as JSON, too

Each command runs in a process of its own, with a store and a cache of its own that lie in a temporary folder, once
without being measured, so that what is kept on the machine is there: hence *again*. So is compiled bytecode, as where
the package is installed. The store holds a study of 100 trials with made-up records (``synthetic_study``), all of them
compared.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from synthetic_study import fill, study_of

from service.records.store import Store

TYPO = "name: s\nbaseline: {profile: digits}\nablations:\n  - {axis: patch_size, values: [2, 3]}\n"
SMALL = "name: small\nbaseline: {profile: digits}\nablations:\n  - {axis: patch_size, values: [2, 4]}\n"
TRIALS = 100


def commands() -> dict[str, tuple[list[str], int, float]]:
    """Returns what is measured: name -> arguments, the exit code that is right, the goal in seconds."""
    return {
        "`--help`": (["--help"], 0, 0.5),
        "`axes`": (["axes"], 0, 0.5),
        "a typo in a study file": (["run", "typo.yaml"], 2, 0.5),
        f"`status`, {TRIALS} trials, all compared, again": (["status", study_of(TRIALS).name], 0, 0.5),
        "`plan` of a small study, again": (["plan", "small.yaml"], 0, 2.0),
    }


def spent(arguments: list[str], expected: int, folder: Path) -> float:
    """Runs a command and returns its processor seconds.

    Raises:
        SystemExit: it did not end as it should.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {
        "DIT_ABLATE_STORE": str(folder / "store"),
        "DIT_ABLATE_CACHE": str(folder / "cache"),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    output = folder / "output.txt"
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "service", *arguments],
        environment,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, str(output), writing, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)],
    )
    _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status) != expected:
        raise SystemExit(f"{' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}:\n{output.read_text()}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = Table(title=f"processor seconds, the least of {options.calls} calls")
    for heading in ("command", "seconds", "goal"):
        table.add_column(heading, justify="left" if heading == "command" else "right")
    figures: dict[str, float] = {}
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(Store(folder / "store"), study_of(TRIALS))
        (folder / "typo.yaml").write_text(TYPO)
        (folder / "small.yaml").write_text(SMALL)
        here = str(Path(__file__).resolve().parents[1])
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        os.chdir(folder)
        for shown, (arguments, expected, goal) in commands().items():
            spent(arguments, expected, folder)
            figures[shown] = min(spent(arguments, expected, folder) for _ in range(options.calls))
            table.add_row(shown, f"{figures[shown]:.2f}", f"{goal:g}")
        os.chdir(before)
    Console().print(table)
    print(f"load average {os.getloadavg()[0]:.1f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
