"""Torch's process groups, as Ray Train's ``TorchConfig`` makes them, set up by processes that do without PyTorch.

A lane's host and its Train controller never compute; with ``ray.train.torch`` imported each would take 300 MB more.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import ray
from ray.train._internal.utils import get_address_and_port
from ray.train.backend import Backend, BackendConfig
from ray.train.v2._internal.util import TrainingFramework

from service.engine.interface import choose_interface
from service.engine.lane_state import Limits

SHUTDOWN_SECONDS = 30.0
"""How long workers are given to leave their process group."""


@contextlib.contextmanager
def _on_own_device() -> Iterator[None]:
    """Has a worker's training loop run on its GPU, where it has one."""
    from ray.train.torch.config import TorchConfigContextManager

    with TorchConfigContextManager():
        yield


@dataclass
class InterfaceTorchConfig(BackendConfig):  # type: ignore[misc]
    """Torch's process groups, over the interface that carries Ray's node address.

    Left alone, gloo and NCCL take the interface that the hostname resolves to: the loopback on Debian. A collective
    that hangs ends its worker when the lane counts as hung: NCCL aborts, and no process stays behind on its GPU.

    Attributes:
        timeout_s: seconds after which a collective counts as hung.
    """

    timeout_s: int = int(Limits.training)

    @property
    def backend_cls(self) -> type[Backend]:
        """The class that sets workers up."""
        return _InterfaceBackend

    @property
    def train_func_context(self) -> Callable[[], AbstractContextManager[None]]:
        """What the training loop runs in."""
        return _on_own_device

    @property
    def framework(self) -> TrainingFramework:
        """What Ray Train calls it."""
        return TrainingFramework.TORCH


class _InterfaceBackend(Backend):  # type: ignore[misc]
    share_cuda_visible_devices = True

    def on_start(self, worker_group: Any, backend_config: InterfaceTorchConfig) -> None:
        """Has all workers join one process group: over NCCL where they have GPUs, else over gloo."""
        worker_group.execute(choose_interface)
        backend = "nccl" if worker_group.get_resources_per_worker().get("GPU", 0) > 0 else "gloo"
        address, port = worker_group.execute_single(0, get_address_and_port)
        size, timeout = len(worker_group), backend_config.timeout_s
        ray.get(
            [
                worker_group.execute_single_async(rank, _join, backend, address, port, rank, size, timeout)
                for rank in range(size)
            ]
        )

    def on_shutdown(self, worker_group: Any, backend_config: InterfaceTorchConfig) -> None:
        """Has all workers leave it."""
        with contextlib.suppress(ray.exceptions.GetTimeoutError):
            ray.get(worker_group.execute_async(_leave, len(worker_group) > 1), timeout=SHUTDOWN_SECONDS)


def _join(backend: str, address: str, port: int, rank: int, size: int, timeout: int) -> None:
    """Joins the process group, in a worker."""
    from ray.train.torch import config

    os.environ.update(MASTER_ADDR=address, MASTER_PORT=str(port))
    config._set_torch_distributed_env_vars()
    config._setup_torch_process_group(backend, rank, size, "env://", timeout)


def _leave(destroy: bool) -> None:
    """Leaves it, in a worker."""
    from ray.train.torch import config

    config._shutdown_torch(destroy)
