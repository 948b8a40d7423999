"""One Tune run that drives a study over lanes."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray import tune

from service.engine.cluster import cluster, lanes_that_fit
from service.engine.dispatcher import Dispatcher
from service.engine.fleet import Fleet, LanesFailed
from service.engine.lane import LaneSpec
from service.engine.lane_state import Limits
from service.engine.ledger import Ledger
from service.engine.messages import Overview
from service.engine.searcher import PolicySearcher
from service.engine.tune_trial import segment_trial
from service.engine.watch import Watch
from service.records.store import Store

WATCH_SECONDS = 0.5
"""Pause between two overviews of the lanes."""
TUNE_END_SECONDS = 60.0
"""How long Tune is given to end once its segments have no dispatcher."""
QUEUED_AHEAD = 1
"""Tune trials beyond the lanes: their segments wait at the dispatcher, so that a lane never waits for Tune."""
TRIAL_RESOURCES = {"CPU": 0, "node:__internal_head__": 0.001}
"""A Tune trial only waits: it takes no CPU from the lanes, and sits on the head node of any cluster."""


@dataclass
class LaneTime:
    """How long lanes existed.

    Attributes:
        lanes: how many.
        total: lane seconds, start-up included.
        startup: of these, seconds before each lane was up for the first time.
    """

    lanes: int = 0
    total: float = 0.0
    startup: float = 0.0


@dataclass
class _Fit:
    """``tuner.fit()`` in a thread of its own, so that the main thread can watch lanes and signals."""

    tuner: tune.Tuner
    error: BaseException | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._fit, name="tune", daemon=True)
        self.thread.start()

    def _fit(self) -> None:
        try:
            self.tuner.fit()
        except BaseException as error:  # handed to the main thread, which raises it
            self.error = error


def run_on_ray(
    ledger: Ledger,
    store: Store,
    watch: Watch,
    *,
    address: str | None,
    temp_dir: str | Path | None,
    limits: Limits | None = None,
) -> LaneTime:
    """Runs every segment the policy wants on lanes of a Ray cluster.

    Args:
        ledger: the study's book-keeping.
        store: where records go; every node must reach it under this name.
        watch: told about the state; asked whether to stop.
        address: as ``cluster`` takes it.
        temp_dir: as ``cluster`` takes it.
        limits: when a lane counts as dead or hung.

    Returns:
        How long lanes existed.

    Raises:
        UserError: the cluster cannot be reached, or has no room for a lane.
        LanesFailed: no lane comes up, or the dispatcher died.
    """
    resources = ledger.study.resources
    with cluster(address, temp_dir, resources):
        watch.take_signals()  # Ray has put its own in their place
        count = lanes_that_fit(resources, most=ledger.trainings_wanted)
        if resources.lanes is not None and count < resources.lanes:
            ledger.messages.append(f"{count} of {resources.lanes} lanes: more would find no room or no work")
        watch.lanes = count
        run = uuid.uuid4().hex[:8]
        scratch = store.scratch / f"{ledger.study.name}-{run}"
        spec = LaneSpec(
            lane="",
            dispatcher=f"dispatcher-{run}",
            namespace=ray.get_runtime_context().namespace,
            store=store.place,
            directory=os.getcwd(),
            threads=resources.cpus_per_worker,
        )
        actor = ray.remote(num_cpus=0, max_concurrency=10_000)(Dispatcher)
        dispatcher = actor.options(name=spec.dispatcher, namespace=spec.namespace).remote(limits)
        fleet = Fleet(count, resources, spec, dispatcher, str(scratch))
        fit: _Fit | None = None
        try:
            fleet.start()
            fit = _Fit(_tuner(ledger, spec, count, scratch))
            overview = _watch(fit, fleet, dispatcher, ledger, watch)
        except ray.exceptions.RayActorError:
            raise LanesFailed("the run's dispatcher died; the same command goes on from here") from None
        finally:
            ledger.closed = True  # what Tune still says while it is being torn down is no trial's failure
            _tear_down(dispatcher, fleet, fit, scratch)
        if fit.error is not None:
            raise fit.error
        return _lane_time(overview, fleet.began, count)


def _tear_down(dispatcher: Any, fleet: Fleet, fit: _Fit | None, scratch: Path) -> None:
    dispatcher.close.remote()
    fleet.close()
    ray.kill(dispatcher)
    if fit is not None:
        # a thread that calls Ray after this process has left the cluster connects it again, for good
        fit.thread.join(TUNE_END_SECONDS)
    shutil.rmtree(scratch, ignore_errors=True)
    with contextlib.suppress(OSError):
        scratch.parent.rmdir()  # when no other run uses it


def _tuner(ledger: Ledger, spec: LaneSpec, lanes: int, scratch: Path) -> tune.Tuner:
    return tune.Tuner(
        tune.with_resources(segment_trial, TRIAL_RESOURCES),
        param_space={"dispatcher": spec.dispatcher, "namespace": spec.namespace},
        tune_config=tune.TuneConfig(
            search_alg=PolicySearcher(ledger),
            num_samples=-1,
            max_concurrent_trials=lanes + QUEUED_AHEAD,
            reuse_actors=True,
            trial_name_creator=lambda trial: f"segment-{trial.trial_id}",
            trial_dirname_creator=lambda trial: f"segment-{trial.trial_id}",
        ),
        run_config=tune.RunConfig(name="tune", storage_path=str(scratch), verbose=0),
    )


def _watch(fit: _Fit, fleet: Fleet, dispatcher: Any, ledger: Ledger, watch: Watch) -> Overview:
    """Watches lanes until Tune has finished; returns the last overview of them."""
    workers = ledger.study.resources.workers
    while True:
        alive = fit.thread.is_alive()
        overview: Overview = ray.get(dispatcher.overview.remote())
        up = sum(lane.up for lane in overview.lanes.values())
        seconds = workers * sum(lane.up_seconds for lane in overview.lanes.values())
        watch.tick(overview.live, up, seconds, force=not alive)
        if not alive:
            return overview
        ledger.messages.extend(fleet.check(overview))
        if watch.stopping and not ledger.stopping:
            ledger.stopping = True
            ray.get(dispatcher.stop.remote())
        fit.thread.join(WATCH_SECONDS)


def _lane_time(overview: Overview, began: float, count: int) -> LaneTime:
    elapsed = time.time() - began
    firsts = [lane.first_joined for lane in overview.lanes.values() if lane.first_joined]
    startup = sum(first - began for first in firsts) + elapsed * (count - len(firsts))
    return LaneTime(count, elapsed * count, startup)
