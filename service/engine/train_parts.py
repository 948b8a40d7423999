"""What Ray Train is given beside its own: names of placement groups, reasons of failures, the network interface."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import ray
from ray.train import UserCallback
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend
from ray.train.v2._internal.execution.callback import WorkerGroupCallback

from service.engine import causes
from service.engine.interface import choose_interface
from service.engine.lane import LaneSpec
from service.engine.lane_state import Limits


@dataclass
class InterfaceTorchConfig(TorchConfig):  # type: ignore[misc]
    """Torch's process groups, over the interface that carries Ray's node address.

    Left alone, gloo and NCCL take the interface that the hostname resolves to: the loopback on Debian. A collective
    that hangs ends its worker when the lane counts as hung: NCCL aborts, and no process stays behind on its GPU.
    """

    timeout_s: int = int(Limits.training)

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        """The class that sets workers up."""
        return _InterfaceBackend


class _InterfaceBackend(_TorchBackend):  # type: ignore[misc]
    def on_start(self, worker_group: Any, backend_config: TorchConfig) -> None:
        worker_group.execute(choose_interface)
        super().on_start(worker_group, backend_config)


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
