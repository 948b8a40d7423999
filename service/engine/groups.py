"""Placement groups that nobody takes away any more: Ray Train's own cleaner can die with its node."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import ray
from ray.util.placement_group import PlacementGroup, placement_group_table, remove_placement_group


def remove(wanted: Callable[[str], bool]) -> list[str]:
    """Removes placement groups by their names.

    Args:
        wanted: whether a group of this name is to go.

    Returns:
        The names of those that were removed.
    """
    gone = []
    for identity, group in placement_group_table().items():
        if group["state"] != "REMOVED" and wanted(group["name"]):
            with contextlib.suppress(ray.exceptions.RayError):
                remove_placement_group(PlacementGroup(ray.PlacementGroupID(bytes.fromhex(identity))))
                gone.append(group["name"])
    return gone


def has_room(name: str) -> bool:
    """Whether a placement group of this name has got its resources."""
    return any(group["name"] == name and group["state"] == "CREATED" for group in placement_group_table().values())


def nodes_of(name: str) -> set[str]:
    """Returns the ids of the nodes that a placement group of this name has its resources on."""
    found = (group for group in placement_group_table().values() if group["name"] == name)
    return {node for group in found if group["state"] == "CREATED" for node in group["bundles_to_node_id"].values()}
