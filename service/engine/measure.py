"""Profiles arms on a lane of Ray: the workers that will train them, several together where a lane has several."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

import ray

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.plugins.outside import Outside
from search_spaces.study import Resources
from search_spaces.types import Arm
from service.cost.kept import as_json, from_json, keep
from service.engine.cluster import cluster, require_room, worker_needs


class Found:
    """Holds what the workers have found; an actor, since Ray Train hands back metrics only."""

    def __init__(self) -> None:
        self._profiles: dict[str, str] = {}

    def take(self, arm: str, profile: str) -> None:
        """Takes an arm's profile."""
        self._profiles[arm] = profile

    def all(self) -> dict[str, str]:
        """Returns the profiles by arm."""
        return self._profiles


def measure_on_ray(
    arms: list[Arm], resources: Resources, address: str | None, tell: Callable[[str], None] = lambda text: None
) -> None:
    """Profiles arms on one worker group and keeps what was found in this machine's cache.

    Args:
        arms: the arms.
        resources: the shape of the lane.
        address: as ``service.engine.cluster.cluster`` takes it.
        tell: told what is going on.

    Raises:
        UserError: the cluster cannot be reached or has no room for a lane, or an arm cannot run there.
    """
    with cluster(address, None, resources):
        require_room(resources)
        tell(f"measuring {len(arms)} arms on a lane of Ray")
        found = ray.remote(num_cpus=0)(Found).remote()
        _train({"arms": {arm.name: arm.config.model_dump(mode="json") for arm in arms}, "found": found,
                "threads": resources.cpus_per_worker, "directory": os.getcwd(),
                "outside": Outside.here()}, resources)  # fmt: skip
        profiles = ray.get(found.all.remote())
    for arm in arms:
        keep(arm.config, from_json(profiles[arm.name]))


def _train(data: dict[str, Any], resources: Resources) -> None:
    os.environ.setdefault("RAY_TRAIN_METRICS_ENABLED", "0")
    from ray.train import RunConfig, ScalingConfig

    from service.engine.process_groups import InterfaceTorchConfig
    from service.engine.train_parts import LaneTrainer

    with tempfile.TemporaryDirectory(prefix="dit-ablate-measure-") as scratch:
        trainer = LaneTrainer(
            measure_loop,
            train_loop_config=data,
            backend_config=InterfaceTorchConfig(),
            scaling_config=ScalingConfig(
                num_workers=resources.workers,
                use_gpu=resources.gpus_per_worker > 0,
                resources_per_worker=worker_needs(resources),
            ),
            run_config=RunConfig(name="measure", storage_path=scratch),
        )
        try:
            trainer.fit()
        except ray.train.v2.api.exceptions.WorkerGroupError as error:
            first = next(iter(error.worker_failures.values()), error)
            raise UserError(
                f"measure: an arm cannot run on the lane's workers: {str(first).splitlines()[-1]}"
            ) from None


def measure_loop(data: dict[str, Any]) -> None:
    """What every worker runs.

    Args:
        data: the arms' configurations, where to put what was found, threads, the driver's working folder, and its code
            from outside.
    """
    import ray.train.torch
    import torch

    from service.cost.profile import profile
    from service.engine.runner import dataset_for

    data["outside"].use()
    torch.set_num_threads(data["threads"])
    if os.path.isdir(data["directory"]):
        os.chdir(data["directory"])
    device, rank = ray.train.torch.get_device(), ray.train.get_context().get_world_rank()
    for name, plain in data["arms"].items():
        config = TrialConfig.model_validate(plain)
        found = profile(config, dataset_for(config.data), device)
        if rank == 0:
            ray.get(data["found"].take.remote(name, as_json(found)))
