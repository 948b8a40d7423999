"""What Ray Train is given beside its own: names of placement groups, reasons of failures, and what it leaves out."""

from __future__ import annotations

import functools
from typing import Any

import ray
from ray.train import UserCallback
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback
from ray.train.v2._internal.execution.callback import RayTrainCallback, WorkerGroupCallback
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from service.engine import causes
from service.engine.lane_spec import LaneSpec

_CLEANER = "PlacementGroupCleanerCallback"
"""By its name, since not every version of Ray has it."""


class LaneTrainer(DataParallelTrainer):  # type: ignore[misc]
    """Ray Train's trainer without the actors that lanes have no use for: 110 MB each.

    They are those for Ray Data, of which lanes have none, the one that takes placement groups away which outlive their
    run (a dispatcher does that, and this one outlives it now and then), and on a driver's own Ray the one that asks an
    autoscaler for nodes.

    Attributes:
        alone: whether the Ray is the driver's own.
    """

    alone = False

    def _create_default_callbacks(self) -> list[RayTrainCallback]:
        callbacks = super()._create_default_callbacks()
        return [
            callback
            for callback in callbacks
            if not isinstance(callback, DatasetsCallback) and type(callback).__name__ != _CLEANER
        ]

    def _initialize_and_run_controller(self, **given: Any) -> Any:
        if self.alone and type(given.get("scaling_policy")) is FixedScalingPolicy:
            given["scaling_policy"] = _AsManyAsThereAre(self.scaling_config)
        return super()._initialize_and_run_controller(**given)


class _AsManyAsThereAre(FixedScalingPolicy):  # type: ignore[misc]
    """Ray Train's policy of a fixed number of workers that asks no autoscaler for nodes."""

    def _send_resource_request(self) -> None:
        pass

    def _maybe_send_resource_request(self) -> None:
        pass

    def _cancel_resource_request(self) -> None:
        pass


class NamedGroups(WorkerGroupCallback):  # type: ignore[misc]
    """Gives placement groups a name, by which operators see whose they are and a later run finds one left behind.

    Args:
        name: the name.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def before_worker_group_start(self, worker_group_context: Any) -> None:
        """Has the controller, whose process this is, name what it makes; Ray Train takes no name for it."""
        from ray.train.v2._internal.execution.worker_group import worker_group

        make = getattr(worker_group, "placement_group", None)
        if make is not None and not isinstance(make, functools.partial):
            worker_group.placement_group = functools.partial(make, name=self._name)


class TellsWhy(UserCallback):  # type: ignore[misc]
    """Tells the dispatcher why workers have ended, as soon as Ray Train knows.

    Args:
        spec: the lane.
    """

    def __init__(self, spec: LaneSpec) -> None:
        self._spec = spec

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Takes the exceptions by rank; the first that says more than that a peer has gone is the reason."""
        told = [_reason(rank, error) for rank, error in sorted(worker_exceptions.items())]
        why, cause = next((item for item in told if item[1] != causes.ERROR), told[0])
        spec = self._spec
        dispatcher = ray.get_actor(spec.dispatcher, namespace=spec.namespace)
        dispatcher.workers_failed.remote(spec.lane, spec.start, why, cause)


def _reason(rank: int, error: Exception) -> tuple[str, str]:
    cause = causes.of_lost_worker(str(error))
    what = {
        causes.OUT_OF_MEMORY: "was ended by Ray because its node ran low on memory",
        causes.LOST_NODE: "was lost with its node",
        causes.LOST_WORKER: "died",
    }.get(cause, "raised an error")
    return f"the lane's workers died: worker {rank} {what}", cause
