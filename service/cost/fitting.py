"""Which arms will not fit into the memory of a card, and what would make them fit."""

from __future__ import annotations

from collections.abc import Sequence

from dit_core.config import TrialConfig
from search_spaces.types import Arm
from service.analysis import numbers
from service.cost.interval import Interval
from service.cost.memory import images_at_once, peak_memory


def too_large(arms: Sequence[Arm], memory: Sequence[Interval], room: float, workers: int) -> str:
    """Says which arms will probably not fit, and with how many images at once they would.

    Args:
        arms: the arms of a study.
        memory: what a worker takes at its peak, of each; the middle counts.
        room: bytes of a card.
        workers: workers of a lane.

    Returns:
        Part of a sentence; empty where all fit.
    """
    large = [(arm, peak) for arm, peak in zip(arms, memory, strict=True) if peak.middle > room]
    if not large:
        return ""
    arm, peak = max(large, key=lambda item: item[1].middle)
    which = arm.name if len(large) == 1 else f"{len(large)} of {numbers.plural(len(arms), 'arm')}"
    takes = f"about {numbers.room(int(peak.middle))}" + ("" if len(large) == 1 else f" for {arm.name}")
    size = fitting_micro_batch(arm.config, workers, room)
    if size:
        advice = f"training.micro_batch: {size} would"
    elif fits_with_checkpointing(arm.config, workers, room):
        advice = "training.activation_checkpointing: true with a small training.micro_batch would"
    else:
        advice = "no training.micro_batch would make it fit"
    return f"{which} may not fit into its {numbers.room(int(room))} ({takes}); {advice}"


def fitting_micro_batch(config: TrialConfig, workers: int, room: float) -> int:
    """Returns the largest half, fourth, ... of the images at once with which a trial probably fits; 0 for none."""
    size = int(images_at_once(config, workers))
    while size > 1:
        size = (size + 1) // 2
        if peak_memory(_with(config, micro_batch=size), workers).middle <= room:
            return size
    return 0


def fits_with_checkpointing(config: TrialConfig, workers: int, room: float) -> bool:
    """Whether one image at a time with activation checkpointing probably fits."""
    return peak_memory(_with(config, micro_batch=1, activation_checkpointing=True), workers).middle <= room


def _with(config: TrialConfig, **training: object) -> TrialConfig:
    return config.model_copy(update={"training": config.training.model_copy(update=training)})
