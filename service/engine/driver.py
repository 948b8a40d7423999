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
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dit_core.errors import UserError
from service.engine.cluster import cluster, require_room
from service.engine.dispatcher import Dispatcher
from service.engine.fleet import Fleet, LanesFailed
from service.engine.lane import LaneSpec
from service.engine.lane_state import Limits
from service.engine.ledger import Ledger
from service.engine.messages import Overview
from service.engine.naming import RunName
from service.engine.node_check import NodeChecks, StoreProbe
from service.engine.nonce import write_nonce
from service.engine.searcher import PolicySearcher
from service.engine.sharing.member import Member
from service.engine.target import Target
from service.engine.tune_trial import segment_trial
from service.engine.watch import Watch
from service.records.store import Store

WATCH_SECONDS = 0.5
"""Pause between two overviews of the lanes."""
RESIZE_SECONDS = 5.0
"""Pause between two looks at how many lanes there should be."""
DISPATCHER_SECONDS = 120.0
"""How long the dispatcher may take to answer: Ray starts it anew when its process dies."""
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
        LanesFailed: no lane comes up, or the cluster is gone.
    """
    resources, study = ledger.study.resources, ledger.study.name
    with cluster(address, temp_dir, resources) as shared:
        watch.take_signals()  # Ray has put its own handlers in their place
        require_room(resources)
        name = RunName(study, store.id, uuid.uuid4().hex[:8])
        member = Member(name.run, study, resources) if shared else None
        scratch = store.scratch / f"{study}-{name.run}"
        _clear_scratch(scratch)
        nonce_key = f"studies/{study}/nonce"
        spec = LaneSpec(
            lane="",
            start=0,
            dispatcher=name.of("dispatcher"),
            namespace=ray.get_runtime_context().namespace,
            store=store.place,
            directory=os.getcwd(),
            threads=resources.cpus_per_worker,
            nonce=write_nonce(store, nonce_key),
            nonce_key=nonce_key,
        )
        dispatcher = _dispatcher(spec, limits)
        fleet = Fleet(resources, spec, name, str(scratch), limits)
        fleet.sweep()
        target = Target(ledger, fleet, member)
        # what waits for a lane that is not there would keep others from it, who have one
        searcher = PolicySearcher(ledger, room=lambda: fleet.size + QUEUED_AHEAD if fleet.size else 0)
        fit: _Fit | None = None
        try:
            useful = target.useful()
            if resources.lanes is not None and useful < resources.lanes:
                ledger.messages.append(f"{useful} of {resources.lanes} lanes: more would find no room or no work")
            if member is not None:
                member.join(useful)
            fleet.resize(target.lanes())
            fit = _Fit(_tuner(searcher, spec, name, scratch))
            checks = NodeChecks(StoreProbe(spec.store, spec.nonce_key, spec.nonce))
            _Control(fit, fleet, dispatcher, ledger, watch, target, member, checks).watch()
        except ray.exceptions.RayActorError:
            raise LanesFailed("the run's dispatcher died and could not be started again") from None
        finally:
            ledger.closed = True  # what Tune still says while it is being torn down is no trial's failure
            _tear_down(dispatcher, fleet, fit, scratch)
            if member is not None:
                member.leave()
        if fit.error is not None:
            raise fit.error
        existed, startup, _ = fleet.seconds()
        return LaneTime(fleet.most, existed, startup)


def _dispatcher(spec: LaneSpec, limits: Limits | None) -> Any:
    """Starts the dispatcher on this node; Ray starts it anew if it dies, and repeats the calls that were under way."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(num_cpus=0, max_concurrency=10_000, max_restarts=-1, max_task_retries=-1)(Dispatcher)
    return actor.options(name=spec.dispatcher, namespace=spec.namespace, scheduling_strategy=here).remote(limits)


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


class _Control:
    """Watches lanes until Tune has finished."""

    def __init__(
        self,
        fit: _Fit,
        fleet: Fleet,
        dispatcher: Any,
        ledger: Ledger,
        watch: Watch,
        target: Target,
        member: Member | None,
        checks: NodeChecks,
    ) -> None:
        self._fit, self._fleet, self._dispatcher, self._ledger = fit, fleet, dispatcher, ledger
        self._watch, self._target, self._member, self._checks = watch, target, member, checks
        self._seen = Overview()
        self._resized = time.monotonic()

    def watch(self) -> None:
        """Blocks until Tune has finished.

        Raises:
            UserError: a node does not see the store.
            LanesFailed: no lane comes up, or the dispatcher does not answer.
        """
        while True:
            alive = self._fit.thread.is_alive()
            self._look()
            self._tell(force=not alive)
            if not alive:
                return
            self._check_nodes()
            self._ledger.messages.extend(self._fleet.check(self._seen))
            self._ledger.stopping = self._ledger.stopping or self._watch.stopping
            self._resize()
            self._fit.thread.join(WATCH_SECONDS)

    def _check_nodes(self) -> None:
        """Ends the run where a node cannot work, before there is work done; names a node that has joined later."""
        wrong, notes = self._checks.news()
        for refusal in self._seen.refusals:
            if refusal not in (*wrong, *self._ledger.messages):
                wrong.append(refusal)
        if wrong and not self._ledger.timings:
            raise UserError("; ".join(wrong))
        self._ledger.messages.extend([*wrong, *notes])

    def _look(self) -> None:
        asked = time.monotonic()
        answer = self._dispatcher.sync.remote(self._fleet.orders(self._ledger.stopping))
        while not ray.wait([answer], timeout=WATCH_SECONDS)[0]:
            if time.monotonic() - asked > DISPATCHER_SECONDS:
                raise LanesFailed(f"the run's dispatcher has not answered for {DISPATCHER_SECONDS:.0f} s")
            self._tell()
        before, self._seen = self._seen, ray.get(answer)
        if before.life not in ("", self._seen.life):
            self._ledger.messages.append("the run's dispatcher died and was started again; the lanes went on")

    def _tell(self, force: bool = False) -> None:
        seen = self._seen
        up = sum(lane.up for lane in seen.lanes.values())
        seconds = self._ledger.study.resources.workers * self._fleet.seconds()[2]
        self._watch.lanes = self._fleet.size
        if self._member is not None:
            self._member.tick(up, seconds)
            self._watch.waiting = self._member.waiting
        self._watch.tick(seen.live, up, seconds, force=force)

    def _resize(self) -> None:
        now = time.monotonic()
        if now - self._resized >= RESIZE_SECONDS and not self._ledger.stopping:
            self._resized = now
            changes = self._fleet.resize(self._target.lanes())
            why = f": {self._member.why}" if self._member is not None and self._member.why else ""
            self._ledger.messages.extend(f"{change}{why}" for change in changes)
            self._fleet.sweep()
