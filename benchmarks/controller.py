"""What controlling a study costs, by its size: processor seconds and memory. Nothing trains.

    python benchmarks/controller.py                                    100, 1 000 and 10 000 trials, every stage
    python benchmarks/controller.py --trials 100 1000 --stages status  some of it
    python benchmarks/controller.py --tune 200                         plain Ray Tune beside it, with 200 trials

Every stage runs in a process of its own, on a store of made-up records (``synthetic_study``): ten seeds, three
milestones, eight logging windows to each. Data and counted Gflops are there before the clock of ``preview`` and
``mlflow`` starts; ``status`` and ``report`` are as a first call in a process has them, with what it imports.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from synthetic_study import evaluation, fill, study_of

from dit_core.gflops import count
from search_spaces.expand import expand
from service.analysis.preview import preview
from service.client import Client
from service.engine.ledger import Ledger
from service.engine.outcome import Snapshot
from service.engine.segment import Segment
from service.engine.watch import Watch
from service.engine.wire import DONE, Live, SegmentResult
from service.mlflow_sync import MlflowSync
from service.mlflow_sync.connection import import_mlflow
from service.mlflow_sync.origins import origins_for_mlflow
from service.policies import create
from service.preflight import Prepared, prepare
from service.records.kinds import EvaluationRecord
from service.records.store import Store
from service.restored import restore

LANES, SEGMENT_SECONDS, SIMULATED_SECONDS = 64, 10.0, 120.0
SETTLED = 10_000
"""Segments that are settled, at most."""


class Clock:
    """Processor seconds of this process since it was made, or since it was last read."""

    def __init__(self) -> None:
        self._last = time.process_time()

    def lap(self) -> float:
        """Returns the seconds since the last lap."""
        before, self._last = self._last, time.process_time()
        return self._last - before


def stage_preview(store: Path, trials: int) -> dict[str, float]:
    """Expansion, identities, and the preview of a study of which nothing has run yet."""
    study = study_of(trials)
    small = prepare(expand(study_of(100)))
    count(small.expansion.baseline.config.model)
    clock = Clock()
    expansion = expand(study)
    expanded = clock.lap()
    prepared = prepare(expansion)
    named = clock.lap()
    preview(expansion, prepared=prepared)
    shown = clock.lap()
    return {"expansion": expanded, "identities": named, "preview": shown, "together": expanded + named + shown}


def stage_settle(store: Path, trials: int) -> dict[str, float]:
    """Settling a segment that decides nothing, and the one that decides the first look."""
    found = {}
    for policy in ("none", "futility"):
        study = study_of(trials, policy)
        expansion = expand(study)
        named = {trial.name: f"{index:064d}" for index, trial in enumerate(expansion.trials)}
        prepared = Prepared(expansion, create(study.policy), named, {})
        own = Store(tempfile.mkdtemp())
        ledger = Ledger(prepared, own)
        seconds: list[float] = []
        for _ in range(min(trials, SETTLED)):
            clock = Clock()
            segment = ledger.next()
            taken = clock.lap()
            if segment is None:
                break
            trial = expansion.trial(segment.trial)
            record = evaluation(trial, segment.train_id, segment.until, study.name)
            own.records.put(EvaluationRecord.key(segment.train_id, segment.until, record.name, record.eval_id), record)
            clock.lap()
            ledger.settle(segment, SegmentResult(DONE))
            seconds.append(taken + clock.lap())
        found[f"{policy}_ms"] = 1000 * statistics.median(seconds)
        found[f"{policy}_mean_ms"] = 1000 * statistics.mean(sorted(seconds)[:-1])
        found[f"{policy}_worst"] = max(seconds)
    return found


def stage_lanes(store: Path, trials: int) -> dict[str, float]:
    """A run with simulated lanes: segments are handed out and settled, and the state is told, as a driver does.

    Each lane has its segment for ten simulated seconds; the state is looked at twice a simulated second. Ray and MLflow
    are left out.
    """
    study = study_of(trials, "futility")
    expansion = expand(study)
    named = {trial.name: f"{index:064d}" for index, trial in enumerate(expansion.trials)}
    prepared = Prepared(expansion, create(study.policy), named, {})
    told = 0

    def update(snapshot: Snapshot) -> None:
        nonlocal told
        told += 1

    settled = 0
    own = Store(tempfile.mkdtemp())
    ledger = Ledger(prepared, own)
    with Watch(ledger, own, update) as watch:
        ledger.begin()
        flying: deque[tuple[float, Segment]] = deque()
        taken, looks = 0.0, int(2 * SIMULATED_SECONDS)
        for look in range(looks):
            now = look / 2
            while flying and flying[0][0] <= now:
                segment = flying.popleft()[1]
                trial = expansion.trial(segment.trial)
                record = evaluation(trial, segment.train_id, segment.until, study.name)
                own.records.put(
                    EvaluationRecord.key(segment.train_id, segment.until, record.name, record.eval_id), record
                )
                clock = Clock()
                ledger.settle(segment, SegmentResult(DONE))
                taken, settled = taken + clock.lap(), settled + 1
            clock = Clock()
            while len(flying) < LANES and (following := ledger.next()) is not None:
                flying.append((now + SEGMENT_SECONDS, following))
            live = [Live(segment.trial, segment.until, phase="training") for _, segment in flying]
            watch.tick(live, LANES, now * LANES, force=True)
            taken += clock.lap()
    share, a_segment = taken / SIMULATED_SECONDS, 1000 * taken / max(1, settled)
    return {"share_of_a_processor": share, "ms_a_segment": a_segment, "updates": told}


def stage_status(store: Path, trials: int) -> dict[str, float]:
    """Reading where a finished study stands."""
    client, clock = Client(store=store), Clock()
    result = client.status(study_of(trials).name)
    took = clock.lap()
    assert result.done and len(result.trials) == len(expand(study_of(trials)).trials)
    return {"status": took}


def stage_report(store: Path, trials: int) -> dict[str, float]:
    """Writing the report of a finished study."""
    client, clock = Client(store=store), Clock()
    result = client.report(study_of(trials).name)
    took = clock.lap()
    return {"report": took, "html_mib": Path(str(result.report_html)).stat().st_size / 2**20}


def stage_mlflow(store: Path, trials: int) -> dict[str, float]:
    """The first synchronisation of a finished study with a new SQLite database, and one when nothing has changed."""
    for leftover in store.glob("mlflow*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    import_mlflow()
    own = Store(store)
    prepared, _ = restore(own, study_of(trials).name)
    count(prepared.expansion.baseline.config.model)
    sync = MlflowSync(None, prepared, own, about=origins_for_mlflow(own))
    sync.check()  # making the database, once
    clock = Clock()
    assert sync.sync(), sync.problem
    first, writes = clock.lap(), sync.writes
    assert sync.sync()
    return {
        "first": first, "first_ms_a_trial": 1000 * first / len(prepared.expansion.trials), "idle": clock.lap(),
        "writes": writes, "idle_writes": sync.writes - writes,
    }  # fmt: skip


STAGES: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "preview": stage_preview,
    "settle": stage_settle,
    "lanes": stage_lanes,
    "status": stage_status,
    "report": stage_report,
    "mlflow": stage_mlflow,
}


def plain_tune(trials: int) -> dict[str, float]:
    """Processor time of the driver of plain Ray Tune for each trial of a function that reports once."""
    import ray
    from ray import tune

    def trivial(config: dict[str, Any]) -> None:
        tune.report({"loss": config["x"]})

    from search_spaces.study import Resources
    from service.engine.cluster import cluster

    with tempfile.TemporaryDirectory() as folder, cluster(None, None, Resources(lanes=1)):
        ray.get(ray.remote(lambda: None).remote())
        clock = Clock()
        tune.Tuner(
            tune.with_resources(trivial, {"CPU": 0.5}),
            param_space={"x": tune.uniform(0, 1)},
            tune_config=tune.TuneConfig(num_samples=trials, reuse_actors=True),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        ).fit()
        return {"driver_ms_a_trial": 1000 * clock.lap() / trials}


def measured(stage: str, trials: int, store: Path, scratch: str) -> dict[str, float]:
    """Runs a stage in a process of its own.

    What it leaves stays until all have run: an ext4 without a journal looks at every file that was deleted in the last
    seconds when it makes one, which would be told as the next stage's.
    """
    command = [sys.executable, __file__, "--one", stage, str(trials), str(store)]
    around = {**os.environ, "TMPDIR": scratch}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=around)
    if done.returncode:
        raise SystemExit(f"{stage} at {trials} trials failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--tune", type=int, default=0, help="trials of plain Ray Tune, measured beside it")
    parser.add_argument("--stores", type=Path, help="keep the stores here, or take them from here")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        stage, trials, store = options.one[0], int(options.one[1]), Path(options.one[2])
        figures = STAGES[stage](store, trials) if stage in STAGES else plain_tune(trials)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        print(json.dumps({**figures, "peak_mib": peak}))
        return
    found: dict[str, dict[int, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        stores = options.stores or Path(scratch)
        for trials in options.trials:
            store = stores / str(trials)
            if {"status", "report", "mlflow"} & set(options.stages) and not store.exists():
                fill(Store(store), study_of(trials))
            for stage in options.stages:
                found.setdefault(stage, {})[trials] = measured(stage, trials, store, scratch)
                print(stage, trials, found[stage][trials], file=sys.stderr, flush=True)
        if options.tune:
            found["plain Ray Tune"] = {options.tune: measured("tune", options.tune, stores, scratch)}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    show(found)


def show(found: dict[str, dict[int, dict[str, float]]]) -> None:
    """Prints the figures, a row each."""
    sizes = sorted({trials for by_size in found.values() for trials in by_size})
    table = Table(title="processor seconds, milliseconds where it says ms; memory in MiB")
    for heading in ("stage", "figure", *(f"{trials:,}" for trials in sizes)):
        table.add_column(heading, justify="left" if heading in ("stage", "figure") else "right")
    for stage, by_size in found.items():
        for name in next(iter(by_size.values())):
            table.add_row(stage, name, *(f"{by_size[n][name]:,.3g}" if n in by_size else "" for n in sizes))
    Console().print(table)


if __name__ == "__main__":
    main()
