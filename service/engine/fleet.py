"""Starts the lanes, watches them, starts them again, and ends them."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import ray

from search_spaces.study import Resources
from service.engine.lane import LaneSpec, lane_loop
from service.engine.messages import LaneView, Overview

HEALTH_CHECK_SECONDS = 0.5
MAX_GROUP_RESTARTS = 5
"""Restarts of a worker group under one host, before the host itself is started anew."""
FUTILE_STARTS = 2
"""Hosts in a row that end without their workers having come up, before the run gives up."""


class LanesFailed(RuntimeError):
    """The run cannot go on; the message says why, and that nothing computed is lost."""


class Host:
    """Holds one Ray Train run: a worker group that takes segments until it is told to end."""

    def run(self, spec: LaneSpec, resources: Resources, name: str, storage: str) -> None:
        """Blocks until the lane has been closed.

        Raises:
            Exception: the worker group could not be kept up.
        """
        import os

        os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", str(HEALTH_CHECK_SECONDS))
        os.environ.setdefault("RAY_TRAIN_METRICS_ENABLED", "0")
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchTrainer

        each: dict[str, float] = {"CPU": resources.cpus_per_worker}
        if resources.gpus_per_worker:
            each["GPU"] = resources.gpus_per_worker
        TorchTrainer(
            lane_loop,
            train_loop_config=asdict(spec),
            scaling_config=ScalingConfig(
                num_workers=resources.workers, use_gpu=resources.gpus_per_worker > 0, resources_per_worker=each
            ),
            run_config=RunConfig(
                name=name, storage_path=storage, failure_config=FailureConfig(max_failures=MAX_GROUP_RESTARTS)
            ),
        ).fit()


@dataclass
class _Lane:
    name: str
    host: Any = None
    run: Any = None
    starts: int = 0
    joins_before: int = 0
    futile: int = 0
    dead: str = ""


class Fleet:
    """The lanes of a run.

    Args:
        count: lanes.
        resources: the shape of each.
        spec: what every lane needs to know; ``lane`` is filled in.
        dispatcher: the dispatcher's handle.
        storage: folder for Ray Train's own files; lanes leave no checkpoints there, so each node may have its own.
    """

    def __init__(self, count: int, resources: Resources, spec: LaneSpec, dispatcher: Any, storage: str) -> None:
        self._resources, self._spec, self._dispatcher, self._storage = resources, spec, dispatcher, storage
        self._lanes = [_Lane(f"lane-{index}") for index in range(count)]
        self._created: dict[str, float] = {}
        self.began = time.time()

    def start(self) -> None:
        """Starts every lane; returns at once."""
        for lane in self._lanes:
            self._start(lane)

    def check(self, overview: Overview) -> list[str]:
        """Starts those lanes again that have ended, gone silent or hang.

        Args:
            overview: the lanes as the dispatcher sees them.

        Returns:
            A sentence for each lane that had to be started again.

        Raises:
            LanesFailed: every lane has failed to come up.
        """
        said = []
        for lane in self._lanes:
            if lane.dead:
                continue
            seen = overview.lanes.get(lane.name, LaneView())
            why = seen.trouble or self._ended(lane)
            if not why:
                continue
            joined = seen.joins > lane.joins_before
            lane.futile = 0 if joined else lane.futile + 1
            self._kill(lane)
            ray.get(self._dispatcher.lane_dead.remote(lane.name, why))
            if lane.futile >= FUTILE_STARTS:
                lane.dead = why
                said.append(f"{lane.name} does not come up: {why}")
                continue
            lane.joins_before = seen.joins
            said.append(f"{lane.name} is started again: {why}")
            self._start(lane)
        if all(lane.dead for lane in self._lanes):
            raise LanesFailed(f"no lane comes up: {self._lanes[0].dead}")
        return said

    def close(self, timeout: float = 5.0) -> None:
        """Waits for the lanes to end by themselves, then ends those that have not."""
        runs = [lane.run for lane in self._lanes if lane.run is not None]
        if runs:
            ray.wait(runs, num_returns=len(runs), timeout=timeout)
        for lane in self._lanes:
            self._kill(lane)

    def _start(self, lane: _Lane) -> None:
        lane.starts += 1
        lane.host = ray.remote(num_cpus=0)(Host).remote()
        spec = replace(self._spec, lane=lane.name)
        name = f"{lane.name}-{lane.starts}"
        lane.run = lane.host.run.remote(spec, self._resources, name, self._storage)

    def _kill(self, lane: _Lane) -> None:
        if lane.host is not None:
            ray.kill(lane.host)
        lane.host = lane.run = None

    @staticmethod
    def _ended(lane: _Lane) -> str:
        """Why the lane's host has ended, or nothing while it runs."""
        if lane.run is None:
            return "it was never started"
        ready, _ = ray.wait([lane.run], timeout=0)
        if not ready:
            return ""
        try:
            ray.get(ready[0])
        except ray.exceptions.RayError as error:
            return _first_line(error)
        return "its workers ended by themselves"


def _first_line(error: Exception) -> str:
    """The line of a Ray error that says what happened, without the remote traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
