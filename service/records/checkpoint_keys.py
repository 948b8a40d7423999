"""Which checkpoints of a trial are there, by their names: no weights are read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.records.records import Records


@dataclass(frozen=True)
class CheckpointKey:
    """A checkpoint.

    Attributes:
        images: training images seen.
        key: where it lies.
        partial: whether it lies inside a segment, and so was to be removed once there is a later one.
    """

    images: int
    key: str
    partial: bool


def checkpoints(records: Records, train_id: str) -> list[CheckpointKey]:
    """Returns a trial's checkpoints, the earliest first."""
    found = []
    for key in records.names(f"trials/{train_id}/checkpoints/"):
        named = re.fullmatch(r"(\d+)(\.partial)?\.safetensors", key.rpartition("/")[2])
        if named is not None:
            found.append(CheckpointKey(int(named[1]), key, named[2] is not None))
    return sorted(found, key=lambda item: (item.images, not item.partial))
