"""What a study takes of memory: proportional set size of all its processes at their largest, by kind of process.

    python benchmarks/memory.py                      two lanes of one worker on a Ray of its own
    python benchmarks/memory.py --executor local     in one process, without Ray
    python benchmarks/memory.py --planned            after `plan`, which keeps what it has counted on the machine
    python benchmarks/memory.py --json out.json      every process of the largest moment, too

It runs a study of two arms of digits in a temporary store, which takes a minute or two, with a cache of its own, so
that the driver has to count multiply-adds as at a first run, and looks at every process of it each second. Pages that
several processes share count in each by its share (``/proc/PID/smaps_rollup``), so that the sum is what the machine
needs. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

STUDY = """
name: memory
baseline: {{profile: digits, overrides: {{evaluation.num_samples: 256}}}}
ablations: [{{axis: patch_size, values: [4]}}]
seeds: [0, 1]
rungs: [6400, 9600, 12800]
budget_images: 16000
policy: none
resources: {{lanes: {lanes}}}
"""

KINDS = (
    ("GCS", r"gcs_server"),
    ("raylet", r"/raylet/raylet|raylet --"),
    ("dashboard", r"dashboard/dashboard\.py|ray-dashboard"),
    ("dashboard agent", r"dashboard/agent\.py|dashboard_agent"),
    ("runtime environment agent", r"runtime_env/agent"),
    ("log monitor", r"log_monitor"),
    ("autoscaler's monitor", r"autoscaler.*monitor\.py"),
    ("lane host", r"ray::Host"),
    ("Train controller", r"ray::TrainController"),
    ("worker", r"ray::RayTrainWorker|ray::.*RayTrainWorker"),
    ("Tune trial", r"ray::ImplicitFunc|ray::.*[Tt]rainable"),
    ("dispatcher", r"ray::Dispatcher"),
    ("idle or starting worker", r"ray::IDLE|default_worker\.py|ray::$"),
    ("other actor of Ray", r"^ray::"),
)
"""Kind of process -> what its command line has; the first that fits counts."""


def pss(pid: int) -> int:
    """Returns a process's proportional set size in bytes, 0 where it has gone."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def family(root: int) -> list[int]:
    """Returns a process and all that it started, directly or not, as far as they are there."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
    own = {root}
    while more := {pid for pid, parent in parents.items() if parent in own} - own:
        own |= more
    return sorted(own)


def kind(pid: int, root: int) -> tuple[str, str]:
    """Returns what a process is, and its command line."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "other", ""
    if pid == root:
        return "driver", command
    return next((name for name, pattern in KINDS if re.search(pattern, command)), "other"), command


def measured(executor: str, lanes: int, planned: bool) -> tuple[list[tuple[str, str, int]], float]:
    """Runs the study; returns kind, command and bytes of every process at the largest moment, and the seconds it took.

    Raises:
        SystemExit: the study did not end well.
    """
    largest: list[tuple[str, str, int]] = []
    with tempfile.TemporaryDirectory() as name:
        study = Path(name, "study.yaml")
        study.write_text(STUDY.format(lanes=lanes))
        log = Path(name, "log.txt")
        environment = {**os.environ, "DIT_ABLATE_CACHE": f"{name}/cache"}
        command = [sys.executable, "-m", "service", "run", str(study), "--store", f"{name}/store"]
        if planned:
            subprocess.run([*command[:3], "plan", str(study)], env=environment, stdout=subprocess.DEVNULL, check=True)
        began = time.monotonic()
        with log.open("w") as output:
            process = subprocess.Popen(
                [*command, "--executor", executor], stdout=output, stderr=subprocess.STDOUT, env=environment
            )
            while process.poll() is None:
                time.sleep(1.0)
                now = [(*kind(pid, process.pid), pss(pid)) for pid in family(process.pid)]
                if sum(size for *_, size in now) > sum(size for *_, size in largest):
                    largest = now
        if process.returncode:
            raise SystemExit(log.read_text())
        return largest, time.monotonic() - began


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", choices=("ray", "local"), default="ray")
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--planned", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    processes, seconds = measured(options.executor, options.lanes, options.planned)
    counts = Counter(name for name, _, _ in processes)
    sizes: Counter[str] = Counter()
    for name, _, size in processes:
        sizes[name] += size
    table = Table(title=f"proportional set size, MiB, executor {options.executor}")
    for heading in ("kind", "processes", "together"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for name, size in sizes.most_common():
        table.add_row(name, str(counts[name]), f"{size / 2**20:,.0f}")
    table.add_row("all", str(len(processes)), f"{sum(sizes.values()) / 2**20:,.0f}")
    Console().print(table)
    print(f"{seconds:.0f} s, load average {os.getloadavg()[0]:.1f}")
    if options.json:
        rows = [{"kind": name, "command": command, "bytes": size} for name, command, size in processes]
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
