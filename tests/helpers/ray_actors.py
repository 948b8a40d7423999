"""What lives on a Ray cluster, asked at its dashboard: Ray's own default is any cluster it finds on the machine."""

from __future__ import annotations

import time

from ray.util.state import list_actors, list_placement_groups


def train_workers(dashboard: str) -> list[int]:
    """Process ids of the Ray Train workers that are alive."""
    actors = list_actors(address=dashboard, filters=[("state", "=", "ALIVE")])
    return [item.pid for item in actors if "TrainWorker" in item.class_name]


def named(dashboard: str) -> dict[str, int]:
    """Process ids of the actors with a name that are alive; Ray's own are left out."""
    actors = list_actors(address=dashboard, filters=[("state", "=", "ALIVE")])
    return {item.name: item.pid for item in actors if item.name.startswith("dit-ablate")}


def placement_groups(dashboard: str) -> list[str]:
    """Names of the placement groups that have not been removed."""
    return [group.name for group in list_placement_groups(address=dashboard) if group.state != "REMOVED"]


def left_behind(dashboard: str, seconds: float = 300) -> list[str]:
    """Actors and placement groups that are still there, given some seconds to go; Ray's own do not count."""
    until = time.monotonic() + seconds
    while True:
        actors = list_actors(address=dashboard, filters=[("state", "=", "ALIVE")])
        groups = list_placement_groups(address=dashboard)
        found = [f"actor {item.class_name}" for item in actors]
        found += [f"group {item.state}" for item in groups if item.state != "REMOVED"]
        ours = [item for item in found if "JobSupervisor" not in item and "AutoscalingCoordinator" not in item]
        if not ours or time.monotonic() > until:
            return ours
        time.sleep(0.5)
