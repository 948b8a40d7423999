"""The few things ranks say to each other; without a process group there is one rank and they cost nothing."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


def initialised() -> bool:
    """Returns whether a process group is up."""
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """Returns this process's rank; 0 without a process group."""
    return dist.get_rank() if initialised() else 0


def world_size() -> int:
    """Returns the number of ranks; 1 without a process group."""
    return dist.get_world_size() if initialised() else 1


def default_device() -> torch.device:
    """Returns this rank's GPU (by ``LOCAL_RANK``, else the current one) or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", torch.cuda.current_device())))


def data_parallel(model: nn.Module, device: torch.device) -> nn.Module:
    """Wraps ``model`` so that gradients are averaged over ranks; returns it unchanged where there is one rank.

    Which gradients are exchanged together decides in which order three and more ranks add them up. DDP lays that out
    anew after its first step, by the order in which gradients came, unless it looks for unused parameters: without
    that, a trial that is resumed, whose first step is a later one, would not have the bits of one that was not. (A
    static graph is laid out anew as well, and does not go with parts of a batch.)
    """
    if world_size() == 1:
        return model
    ids = [device] if device.type == "cuda" else None
    return DistributedDataParallel(
        model, device_ids=ids, broadcast_buffers=False, gradient_as_bucket_view=True, find_unused_parameters=True
    )


def unsynchronised(network: nn.Module) -> AbstractContextManager[None]:
    """Returns a context in which gradients add up on their rank; the first backward pass after it averages them all."""
    if isinstance(network, DistributedDataParallel):
        return network.no_sync()  # type: ignore[no-any-return]
    return nullcontext()


def from_first(value: T) -> T:
    """Returns rank 0's ``value`` on every rank. Collective, and so also a barrier."""
    if world_size() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def from_all(value: T) -> list[T]:
    """Returns every rank's ``value``, by rank, on every rank. Collective."""
    if world_size() == 1:
        return [value]
    boxes: list[T | None] = [None] * world_size()
    dist.all_gather_object(boxes, value)
    return boxes  # type: ignore[return-value]


def mean(values: Tensor) -> Tensor:
    """Returns the mean of ``values`` over ranks, on every rank. Collective."""
    if world_size() > 1:
        dist.all_reduce(values)
        values /= world_size()
    return values
