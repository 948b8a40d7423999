"""What lives on a Ray cluster."""

from __future__ import annotations

import time

import ray
from ray.util.state import list_actors, list_placement_groups


def train_workers() -> list[int]:
    """Process ids of the Ray Train workers that are alive, on the cluster this process is connected to."""
    return [item.pid for item in list_actors() if "TrainWorker" in item.class_name and item.state == "ALIVE"]


def left_behind(address: str, seconds: float = 20) -> list[str]:
    """Actors and placement groups that are still there, given a few seconds to go."""
    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        until = time.monotonic() + seconds
        while True:
            found = [f"actor {item.class_name}" for item in list_actors() if item.state == "ALIVE"]
            found += [f"group {item.state}" for item in list_placement_groups() if item.state != "REMOVED"]
            ours = [item for item in found if "JobSupervisor" not in item and "AutoscalingCoordinator" not in item]
            if not ours or time.monotonic() > until:
                return ours
            time.sleep(0.5)
    finally:
        ray.shutdown()
