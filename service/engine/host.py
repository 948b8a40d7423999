"""What holds a lane: a Ray actor on the driver's node that runs one Ray Train worker group."""

from __future__ import annotations

from typing import Any

from search_spaces.study import Resources
from service.engine.lane_spec import LaneSpec

HEALTH_CHECK_SECONDS = 0.5
MAX_GROUP_RESTARTS = 5
"""Restarts of a worker group under one host, before the host itself is started anew."""


class Host:
    """Holds one Ray Train run: a worker group that takes segments until it is told to end."""

    def run(self, spec: LaneSpec, resources: Resources, name: str, storage: str) -> None:
        """Blocks until the lane has been closed.

        Args:
            spec: the lane.
            resources: its shape.
            name: what the Train run and its placement group are called.
            storage: folder for Ray Train's own files.

        Raises:
            Exception: the worker group could not be kept up.
        """
        import os

        os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", str(HEALTH_CHECK_SECONDS))
        os.environ.setdefault("RAY_TRAIN_METRICS_ENABLED", "0")
        os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")  # an actor; lanes ask nothing of it
        from ray.train import FailureConfig, RunConfig, ScalingConfig

        from service.engine.cluster import worker_needs
        from service.engine.process_groups import InterfaceTorchConfig
        from service.engine.train_parts import LaneTrainer, NamedGroups, TellsWhy

        trainer = LaneTrainer(
            begin,
            train_loop_config=dict(vars(spec)),
            backend_config=InterfaceTorchConfig(),
            scaling_config=ScalingConfig(
                num_workers=resources.workers,
                use_gpu=resources.gpus_per_worker > 0,
                resources_per_worker=worker_needs(resources),
            ),
            run_config=RunConfig(
                name=name.replace("/", "."),  # a folder, too
                storage_path=storage,
                failure_config=FailureConfig(max_failures=MAX_GROUP_RESTARTS),
                callbacks=[NamedGroups(name), TellsWhy(spec)],
            ),
        )
        trainer.alone = spec.alone
        trainer.fit()


def begin(data: dict[str, Any]) -> None:
    """The train loop of one Ray Train worker; see ``service.engine.lane.lane_loop``.

    Args:
        data: the fields of a ``LaneSpec``.
    """
    from service.engine.lane import lane_loop  # PyTorch

    lane_loop(data)
