"""Prints where the lane time of a study's runs went, and the share not spent training, sampling or scoring.

    python benchmarks/run_overhead.py STORE STUDY     e.g. demo-store dit-ablations-digits

Lane time is the wall-clock of every lane from the run's beginning to its end: Ray's start-up, waiting for work,
checkpoints and records count as overhead.
"""

from __future__ import annotations

import argparse

from service.records.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store")
    parser.add_argument("study")
    arguments = parser.parse_args()
    runs = Store(arguments.store).runs(arguments.study)
    if not runs:
        parser.error(f"the store {arguments.store} has no finished run of {arguments.study!r}")
    for number, run in runs.items():
        total = run.lane_seconds
        print(f"run {number}: {run.elapsed:.0f} s wall-clock, {run.lanes} lanes, {len(run.timings)} segments")
        if not total:
            continue
        parts = {**run.spent, "(start-up, within other)": run.startup_seconds}
        for name, seconds in parts.items():
            print(f"  {name:<26} {seconds:>8.1f} s  {seconds / total:>6.1%}")
        print(f"  {'overhead':<26} {total * run.overhead:>8.1f} s  {run.overhead:>6.1%}")


if __name__ == "__main__":
    main()
