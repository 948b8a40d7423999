"""A study whose segments last some seconds, so that something can happen in the middle, and its runs."""

from __future__ import annotations

from typing import Any

from small_studies import expansion

from search_spaces.types import Expansion
from service.engine import Outcome, Snapshot

EVERY = 128 * 5
"""Images between checkpoints, and between logging windows."""


def long_study(arms: tuple[str, ...] = ("careful",), steps: int = 120, **changes: Any) -> Expansion:
    """A baseline and arms of other learning rates, with checkpoints inside their one segment."""
    rates = {name: {"training": {"learning_rate": 3e-4 + 1e-4 * index}} for index, name in enumerate(arms)}
    return expansion(
        rates, seeds=(0,), rungs=(), budget=128 * steps, checkpoint_images=EVERY,
        model={"patch_size": 2, "hidden_size": 64, "depth": 3, "num_heads": 4},
        training={"batch_size": 128, "log_every_steps": 5},
        **changes,
    )  # fmt: skip


def states(outcome: Outcome) -> dict[str, str]:
    """Arm -> state."""
    return {status.trial.arm.name: str(status.state) for status in outcome.statuses}


def under_way(snapshot: Snapshot) -> dict[str, int]:
    """Lane -> images, of the lanes whose segment has a checkpoint by now."""
    return {live.lane: live.images for live in snapshot.live.values() if live.lane and live.images > EVERY}
