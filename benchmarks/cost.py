"""Prints what studies were thought to take beside what they took.

    python benchmarks/cost.py                 # three studies of digits, one to two minutes each on an idle core
    python benchmarks/cost.py --only patches --budget 12800

For each study, in a store and a cache of its own: the analytic estimate, then that of ``plan --measure``, then the run
with the local executor, and from its records what was predicted for the work that was done, and what that has taken.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from search_spaces.load import study_from_data
from search_spaces.study import Study
from service import Client
from service.cost.interval import Interval
from service.cost.prediction import compared
from service.records.results import collect
from service.records.store import Store
from service.restored import restore

EVALUATION = {"evaluation.num_samples": 128, "evaluation.sampling_steps": 25}
STUDIES = {
    "patches": {
        "baseline": {"profile": "digits", "overrides": EVALUATION},
        "ablations": [{"axis": "patch_size", "values": [2, 4, 8]}],
        "policy": "none",
    },
    "blocks-and-sizes": {
        "baseline": {"profile": "digits", "overrides": {"size": "B", **EVALUATION}},
        "ablations": [{"axis": "block"}, {"axis": "size", "values": ["S", "B", "L"]}],
        "policy": {"name": "rungs", "stop_fraction": 0.5},
    },
    "sampling": {
        "baseline": {"profile": "digits", "overrides": {"size": "L", **EVALUATION}},
        "ablations": [{"axis": "guidance scale", "values": [1, 1.5]}, {"axis": "sampling steps", "values": [25, 50]}],
        "policy": "none",
    },
}
"""A ladder of cost within one question, arms that are stopped, and a study that mostly samples."""


def study(name: str, budget: int) -> Study:
    """Returns one of the studies."""
    shape = {"seeds": [0, 1], "budget_images": budget, "rungs": [budget // 2]}
    return study_from_data({"name": name, **STUDIES[name], **shape})


def compare(name: str, budget: int) -> float:
    """Predicts, runs and prints a study; returns what was spent as a multiple of what was predicted."""
    with tempfile.TemporaryDirectory(prefix="dit-ablate-cost-") as home:
        os.environ["DIT_ABLATE_CACHE"] = f"{home}/cache"
        client, wanted = Client(store=Path(home) / "store"), study(name, budget)
        analytic = client.plan(wanted).estimate
        began = time.monotonic()
        measured = client.plan(wanted, measure=True).estimate
        measuring, began = time.monotonic() - began, time.monotonic()
        result = client.run(wanted, executor="local")
        elapsed = time.monotonic() - began
        store = Store(Path(home) / "store")
        prepared, _ = restore(store, name)
        found = compared(name, collect(prepared.expansion, store, prepared.train_ids), store)
        assert found is not None
        print(f"{name}: {len(prepared.expansion.arms)} arms x {len(wanted.seeds)} seeds, {budget:,} images", flush=True)
        print(f"  analytic, whole study            {shown(analytic.whole.total)}")
        print(f"  measured, whole study            {shown(measured.whole.total)}   (measuring took {measuring:.0f} s)")
        print(f"  measured, for the work done      {shown(found.predicted.total)}")
        print(f"  spent on it                      {found.spent.total:7.1f} s   {1 + found.error:.3f} of the predicted")
        for part in ("train", "sample", "score"):
            thought, spent = getattr(found.predicted, part).middle, getattr(found.spent, part)
            print(f"    {part:<8} predicted {thought:7.2f} s, spent {spent:7.2f} s, {spent / thought:.3f}")
        ended = "" if result.done else ", ended before it was done"
        load = os.getloadavg()[0]
        print(f"  wall-clock of the run, report included {elapsed:.0f} s{ended}; load {load:.1f}", flush=True)
        return 1 + found.error


def shown(seconds: Interval) -> str:
    """Formats device seconds."""
    return f"{seconds.middle:7.1f} s ({seconds.low:.1f} to {seconds.high:.1f})"


def main() -> None:
    """Runs the studies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=int, default=6_400, help="training images of a trial")
    parser.add_argument("--only", choices=tuple(STUDIES), help="one study")
    arguments = parser.parse_args()
    for name in STUDIES if arguments.only is None else (arguments.only,):
        compare(name, arguments.budget)


if __name__ == "__main__":
    main()
