"""Placement groups that nobody takes away any more."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray.util.placement_group import PlacementGroup, placement_group_table, remove_placement_group

from service.engine.naming import run_in


def remove(wanted: Callable[[str], bool]) -> list[str]:
    """Removes placement groups by their names.

    Args:
        wanted: whether a group of this name is to go.

    Returns:
        The names of those that were removed.
    """
    return _remove(placement_group_table(), wanted)


def remove_orphans() -> list[str]:
    """Removes the placement groups of every run, whoever's, of which no actor is there any more.

    Ray keeps a group for good if its creator's death reaches the head before the group does.

    Returns:
        The names of those that were removed.
    """
    groups = placement_group_table()  # asked for before the actors: a run has its dispatcher before its first group
    alive = {run_in(actor["name"]) for actor in ray.util.list_named_actors(all_namespaces=True)}
    return _remove(groups, lambda name: run_in(name) not in ("", *alive))


def _remove(groups: Mapping[str, Any], wanted: Callable[[str], bool]) -> list[str]:
    gone = []
    for identity, group in groups.items():
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
