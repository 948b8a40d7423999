"""Seconds from segment hand-over to first training step: a warm lane, a cold lane, and Ray Train in Ray Tune.

All three are measured side by side, on one Ray that this command starts on this machine::

    python benchmarks/lane_handover.py --workers 2

- warm: from the dispatcher giving a segment to a lane that has run one before, to its first training step.
- cold: from asking for a lane to the first training step of its first segment; paid once per run.
- plain: the supported pattern without lanes, a Tune trial that calls ``TorchTrainer(...).fit()``: from the start of
  the Tune trial to the first line of the train loop, which does nothing; paid by every trial. Also the wall-clock of
  each such trial, beside that of a whole segment with no training in it worth mentioning.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dit_core.config import TrialConfig
from search_spaces.study import PolicySpec, Resources, Study
from search_spaces.types import Arm, Expansion
from service.engine import run_segments
from service.engine.cluster import cluster
from service.preflight import prepare
from service.records.store import Store

BATCH = 32
SEGMENTS = 20


def expansion(resources: Resources) -> Expansion:
    """One arm of a model that takes milliseconds a step, measured every second step."""
    config = TrialConfig.model_validate(
        {
            "model": {"input_size": 8, "in_channels": 1, "patch_size": 4, "hidden_size": 16, "depth": 1,
                      "num_heads": 2, "num_classes": 10},
            "training": {"batch_size": BATCH, "log_every_steps": 2},
            "evaluation": {"num_samples": 64, "sampling_steps": 3, "batch_size": 64, "grid_images": 10},
        }
    )  # fmt: skip
    milestones = [2 * BATCH * (index + 1) for index in range(SEGMENTS)]
    study = Study(
        name="handover",
        seeds=(0,),
        budget_images=milestones[-1],
        rungs=tuple(milestones[:-1]),
        policy=PolicySpec(name="none"),
        resources=resources,
    )
    return Expansion(study, (Arm("baseline", config, {}, (), is_baseline=True),), ())


def measure_lanes(resources: Resources, folder: Path) -> dict[str, float]:
    """Runs a study of short segments on one lane."""
    prepared = prepare(expansion(resources))
    asked = time.time()
    outcome = run_segments(prepared, Store(folder / "store"))
    assert len(outcome.timings) == SEGMENTS, "a segment is missing or ran twice"
    warm = [timing.handover for timing in outcome.timings if timing.warm]
    (cold,) = (timing for timing in outcome.timings if not timing.warm)
    ends = sorted(timing.finished for timing in outcome.timings)
    gaps = [later - earlier for earlier, later in itertools.pairwise(ends)]
    return {
        "warm": statistics.median(warm),
        "warm_worst": max(warm),
        "cold": cold.first_step - asked,
        "segment": statistics.median(gaps),
    }


def plain_loop(config: dict[str, Any]) -> None:
    """A train loop that does nothing but say when it began."""
    import ray.train

    if ray.train.get_context().get_world_rank() == 0:
        Path(config["began"]).write_text(str(time.time()))


def plain_trial(config: dict[str, Any]) -> None:
    """A Tune trial as the documentation has it: it runs a trainer of its own."""
    from ray import tune
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    started = time.time()
    folder = Path(config["folder"])
    began = folder / f"began-{config['index']}"
    TorchTrainer(
        plain_loop,
        train_loop_config={"began": str(began)},
        scaling_config=ScalingConfig(num_workers=config["workers"], resources_per_worker={"CPU": config["cpus"]}),
        run_config=RunConfig(name=f"plain-{config['index']}", storage_path=str(folder)),
    ).fit()
    tune.report({"first_step": float(began.read_text()) - started, "whole": time.time() - started})


def measure_plain(resources: Resources, folder: Path, trials: int) -> dict[str, float]:
    """Runs no-op trials, one after another, each with its own Ray Train run."""
    from ray import tune

    space = {
        "index": tune.grid_search(list(range(trials))),
        "folder": str(folder),
        "workers": resources.workers,
        "cpus": resources.cpus_per_worker,
    }
    results = tune.Tuner(
        tune.with_resources(plain_trial, {"CPU": 0.001}),  # the CPUs are its trainer's
        param_space=space,
        tune_config=tune.TuneConfig(max_concurrent_trials=1),
        run_config=tune.RunConfig(name="plain", storage_path=str(folder / "tune"), verbose=0),
    ).fit()
    rows = [result.metrics for result in results]
    return {name: statistics.median(row[name] for row in rows) for name in ("first_step", "whole")}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1, help="DDP workers of the lane and of the plain trials")
    parser.add_argument("--trials", type=int, default=2, help="plain trials; each takes about half a minute")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    resources = Resources(lanes=1, workers=options.workers)
    with tempfile.TemporaryDirectory() as name, cluster(None, None, resources):
        folder = Path(name)
        lanes = measure_lanes(resources, folder)
        plain = measure_plain(resources, folder, options.trials)
    if options.json:
        print(json.dumps({"workers": options.workers, "lane": lanes, "plain": plain}))
        return
    table = Table(title=f"{options.workers} worker(s), seconds")
    for heading in ("", "to the first step", "whole"):
        table.add_column(heading, justify="left" if not heading else "right")
    worst = f"{lanes['warm']:.3f} (worst {lanes['warm_worst']:.3f})"
    table.add_row(f"segment, warm lane (median of {SEGMENTS - 1})", worst, f"{lanes['segment']:.2f}")
    table.add_row("first segment, cold lane (once per run)", f"{lanes['cold']:.1f}", "")
    plainly = f"no-op trial, Ray Train in Tune (median of {options.trials})"
    table.add_row(plainly, f"{plain['first_step']:.1f}", f"{plain['whole']:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
