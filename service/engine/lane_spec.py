"""What a lane needs to know; its host and Train controller have this and no PyTorch, which ``lane`` needs."""

from __future__ import annotations

from dataclasses import dataclass, field

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
        alone: whether the Ray that it runs on is the driver's own, and ends with it.
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
    alone: bool = False
