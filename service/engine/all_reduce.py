"""An all-reduce over the nodes of a cluster, as lanes of several workers do it."""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

SECONDS = 15.0
"""How long workers wait for one another."""


class Worker:
    """One member of the process group, on one node. Torch is imported at once, since that takes the most time."""

    def __init__(self) -> None:
        import torch.distributed  # noqa: F401

    def address(self) -> tuple[str, int]:
        """Returns where the others find this worker."""
        here = ray.util.get_node_ip_address()
        with socket.socket(socket.AF_INET6 if ":" in here else socket.AF_INET) as probe:
            probe.bind((here, 0))
            return here, probe.getsockname()[1]

    def run(self, backend: str, address: tuple[str, int], rank: int, size: int) -> float:
        """Adds 1 over all workers and returns the sum."""
        import torch
        import torch.distributed as dist

        from service.engine.interface import choose_interface

        choose_interface()
        where = f"tcp://[{address[0]}]:{address[1]}" if ":" in address[0] else f"tcp://{address[0]}:{address[1]}"
        dist.init_process_group(backend, where, timedelta(seconds=SECONDS), rank=rank, world_size=size)
        try:
            one = torch.ones(1, device="cuda" if backend == "nccl" else "cpu")
            dist.all_reduce(one)
            return float(one)
        finally:
            dist.destroy_process_group()


class AllReduce:
    """Workers on nodes, which come up while something else is done; the context ends them.

    Args:
        nodes: id -> address.
        gpus: over NCCL with a GPU of each node, else over gloo.
    """

    def __init__(self, nodes: Mapping[str, str], gpus: bool) -> None:
        self._backend = "nccl" if gpus else "gloo"
        make = ray.remote(num_cpus=0, num_gpus=1 if gpus else 0)(Worker)
        self._workers = {
            address: make.options(scheduling_strategy=NodeAffinitySchedulingStrategy(identity, soft=False)).remote()
            for identity, address in nodes.items()
        }

    def __enter__(self) -> AllReduce:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for worker in self._workers.values():
            ray.kill(worker)

    def over(self, addresses: Collection[str], timeout: float) -> dict[str, str]:
        """Tries it over some of the nodes, one at least; returns what went wrong by address, nothing where all is well.

        Args:
            addresses: of these nodes.
            timeout: seconds to wait in all.
        """
        first, *_ = addresses
        try:
            found, _ = ray.wait([self._workers[first].address.remote()], timeout=timeout)
            if not found:
                return {first: "does not start a worker in time"}
            meeting = ray.get(found[0])
            runs: dict[str, Any] = {
                address: self._workers[address].run.remote(self._backend, meeting, rank, len(addresses))
                for rank, address in enumerate(addresses)
            }
            ray.wait(list(runs.values()), num_returns=len(runs), timeout=timeout)
            wrong = {address: _outcome(run, len(addresses)) for address, run in runs.items()}
            return {address: why for address, why in wrong.items() if why}
        except ray.exceptions.RayError as error:
            return {first: _last_line(error)}


def _outcome(run: Any, size: int) -> str:
    if not ray.wait([run], timeout=0)[0]:
        return "does not answer in time"
    try:
        total = ray.get(run)
    except ray.exceptions.RayError as error:
        return _last_line(error)
    return "" if total == size else f"got {total:g} instead of {size}"


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
