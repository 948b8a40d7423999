"""What a lane needs to know, and how its workers begin: without PyTorch, which its host and controller go without."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dit_core.plugins.outside import Outside


@dataclass(frozen=True)
class LaneSpec:
    """What a lane needs to know; plain data, since it travels as Ray Train's loop config.

    Attributes:
        lane: its name.
        start: the life of the lane's host.
        dispatcher: name of the dispatcher actor.
        namespace: the Ray namespace it lives in.
        store: the store, as every node reaches it.
        directory: the driver's working directory, in which relative data paths are meant.
        threads: torch threads of one worker.
        nonce: what the driver has written into the store; whoever finds it there sees the same store.
        outside: the driver's code from outside.
    """

    lane: str
    start: int
    dispatcher: str
    namespace: str
    store: str
    directory: str
    threads: int
    nonce: str
    outside: Outside = field(default_factory=Outside)


def begin(data: dict[str, Any]) -> None:
    """The train loop of one Ray Train worker; see ``service.engine.lane.lane_loop``.

    Args:
        data: the fields of a ``LaneSpec``.
    """
    from service.engine.lane import lane_loop  # PyTorch

    lane_loop(data)
