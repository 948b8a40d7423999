"""What a study will run on, as far as that is known before."""

from __future__ import annotations

import os
from dataclasses import dataclass

from dit_core.runtime.cards import cards
from dit_core.runtime.processor import cpu_name
from search_spaces.study import Resources
from service.cost.devices import Device, card_named, this_processor
from service.records.kinds import Hardware


@dataclass(frozen=True)
class Target:
    """What a lane of a study runs on.

    Attributes:
        resources: the study's.
        device: the kind of device as hardware is recorded; empty for a GPU of a kind that is not known here.
    """

    resources: Resources
    device: str

    @classmethod
    def here(cls, resources: Resources) -> Target:
        """Returns what a lane would be on this machine; GPUs may be elsewhere."""
        if resources.gpus_per_worker > 0:
            return cls(resources, f"cuda: {cards().names[0]}" if cards().names else "")
        return cls(resources, cpu_name())

    @property
    def on_gpu(self) -> bool:
        """Whether workers have GPUs."""
        return self.resources.gpus_per_worker > 0

    @property
    def assumed(self) -> Device | None:
        """The device whose peak an analytic estimate takes; None for a GPU that is not known."""
        return card_named(self.device) if self.on_gpu else this_processor(self.resources.cpus_per_worker)

    @property
    def memory(self) -> float | None:
        """Bytes of a worker's card, or of the part of a card that it has; None where nobody knows."""
        if not self.on_gpu:
            return None
        card = self.assumed
        whole = cards().memory or (None if card is None else card.memory)
        return None if whole is None else whole * min(1.0, self.resources.gpus_per_worker)

    def is_like(self, hardware: Hardware, threads: int = 0) -> bool:
        """Whether something that ran on ``hardware`` tells how fast this will be.

        Args:
            hardware: what it ran on.
            threads: torch threads of each of its workers; 0 where nobody wrote it down.
        """
        if hardware.workers != self.resources.workers:
            return False
        if self.on_gpu:
            return hardware.device == self.device if self.device else hardware.device.startswith("cuda")
        return hardware.device == self.device and threads in (0, self.resources.cpus_per_worker)

    @property
    def lanes(self) -> int | None:
        """Lanes side by side: those the study asks for, else those that this machine has room for; None for none."""
        if self.resources.lanes is not None:
            return self.resources.lanes
        workers = self.resources.workers
        room = len(os.sched_getaffinity(0)) // (workers * self.resources.cpus_per_worker)
        if self.on_gpu:
            room = min(room, int(len(cards().names) // (workers * self.resources.gpus_per_worker)))
        return room or None
