"""One Tune run that drives a study over lanes."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dit_core.plugins.outside import Outside
from service.engine.cluster import cluster, require_room
from service.engine.control import Control
from service.engine.dispatcher import Dispatcher
from service.engine.failures import ClusterGone, LanesFailed
from service.engine.fleet import Fleet
from service.engine.lane_spec import LaneSpec
from service.engine.lane_state import Limits
from service.engine.ledger import Ledger
from service.engine.lifeline import OWN_NODE_DIED, own_node_lives
from service.engine.naming import RunName
from service.engine.node_check import NodeChecks, StoreProbe
from service.engine.searcher import PolicySearcher
from service.engine.sharing.member import Member
from service.engine.target import Target
from service.engine.tune_trial import segment_trial
from service.engine.watch import Watch
from service.records.store import Store

TUNE_END_SECONDS = 60.0
"""How long Tune is given to end once its segments have no dispatcher."""
QUEUED_AHEAD = 1
"""Tune trials beyond the lanes: their segments wait at the dispatcher, so that a lane never waits for Tune."""


@dataclass
class LaneTime:
    """How long lanes existed.

    Attributes:
        lanes: how many there were at once, at most.
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
        UserError: the cluster cannot be reached, has no room for a lane, or a node does not see the store.
        LanesFailed: no lane comes up.
        ClusterGone: the cluster does not answer any more.
    """
    resources, study = ledger.study.resources, ledger.study.name
    with cluster(address, temp_dir, resources) as shared:
        watch.take_signals()  # Ray has put its own handlers in their place
        require_room(resources)
        name = RunName(study, store.id, uuid.uuid4().hex[:8])
        member = Member(name.run, study, resources) if shared else None
        scratch = store.scratch / f"{study}-{name.run}"
        _clear_scratch(scratch)
        spec = LaneSpec(
            lane="",
            start=0,
            dispatcher=name.of("dispatcher"),
            namespace=ray.get_runtime_context().namespace,
            store=store.place,
            directory=os.getcwd(),
            threads=resources.cpus_per_worker,
            nonce=store.nonce_written(),
            outside=Outside.here(),
            alone=not shared,
        )
        dispatcher = _dispatcher(spec, limits)
        fleet = Fleet(resources, spec, name, str(scratch), limits)
        fleet.sweep()
        target = Target(ledger, fleet, member)
        checks = NodeChecks(StoreProbe(spec.store, spec.nonce))
        # what waits for a lane that is not there would keep others from it, who have one
        searcher = PolicySearcher(
            ledger, room=lambda: fleet.size + QUEUED_AHEAD if fleet.size and checks.settled else 0
        )
        fit: _Fit | None = None
        gone = False
        try:
            useful = target.useful()
            if resources.lanes is not None and useful < resources.lanes:
                ledger.messages.append(f"{useful} of {resources.lanes} lanes: more would find no room or no work")
            if member is not None:
                member.join(useful)
            fleet.resize(target.lanes())
            fit = _Fit(_tuner(searcher, spec, name, scratch))
            Control(fit.thread, fleet, dispatcher, ledger, watch, target, member, checks).watch()
        except ClusterGone:
            gone = True
            raise
        except ray.exceptions.RayActorError:  # it lies on this node: the node may have died under it
            if not own_node_lives():
                gone = True
                raise ClusterGone(OWN_NODE_DIED) from None
            raise LanesFailed("the run's dispatcher died and could not be started again") from None
        finally:
            ledger.closed = True  # what Tune still says while it is being torn down is no trial's failure
            if not gone:
                _tear_down(dispatcher, fleet, fit)
                if member is not None:
                    member.leave()
            with contextlib.suppress(OSError):
                store.nonce_removed(spec.nonce)
            shutil.rmtree(scratch, ignore_errors=True)
            with contextlib.suppress(OSError):
                scratch.parent.rmdir()  # when no other run uses it
        if fit.error is not None:
            raise fit.error
        existed, startup, _ = fleet.seconds()
        return LaneTime(fleet.most, existed, startup)


def _dispatcher(spec: LaneSpec, limits: Limits | None) -> Any:
    """Starts the dispatcher on this node; Ray starts it anew if it dies, and repeats the calls that were under way."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(num_cpus=0, max_concurrency=10_000, max_restarts=-1, max_task_retries=-1)(Dispatcher)
    return actor.options(name=spec.dispatcher, namespace=spec.namespace, scheduling_strategy=here).remote(limits)


def _tear_down(dispatcher: Any, fleet: Fleet, fit: _Fit | None) -> None:
    dispatcher.close.remote()
    fleet.close()
    ray.kill(dispatcher)
    if fit is not None:
        # a thread that calls Ray after this process has left the cluster connects it again, for good
        fit.thread.join(TUNE_END_SECONDS)


def _clear_scratch(scratch: Path) -> None:
    """Removes what killed runs of this study have left; there is no other, since this one holds the study."""
    prefix = scratch.name.rpartition("-")[0]
    for folder in scratch.parent.glob(f"{prefix}-{'[0-9a-f]' * 8}"):
        shutil.rmtree(folder, ignore_errors=True)


def _tuner(searcher: PolicySearcher, spec: LaneSpec, name: RunName, scratch: Path) -> tune.Tuner:
    # a Tune trial only waits: it takes no CPU from the lanes, and sits on the driver's node
    here = f"node:{ray.util.get_node_ip_address()}"
    return tune.Tuner(
        tune.with_resources(segment_trial, {"CPU": 0, here: 0.001}),
        param_space={"dispatcher": spec.dispatcher, "namespace": spec.namespace},
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=lambda trial: f"segment-{trial.trial_id}",
            trial_dirname_creator=lambda trial: f"segment-{trial.trial_id}",
        ),
        run_config=tune.RunConfig(name=name.of("tune").replace("/", "."), storage_path=str(scratch), verbose=0),
    )
