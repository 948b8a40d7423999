"""Trials that train in a blink: real digits, a tiny network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from dit_core.config import TrialConfig
from dit_core.events import CurvePoint, Event, Progress

E = TypeVar("E")

TINY: dict[str, dict[str, Any]] = {
    "model": {
        "input_size": 8, "in_channels": 1, "patch_size": 4, "hidden_size": 16, "depth": 1, "num_heads": 2,
        "num_classes": 10,
    },
    "training": {"batch_size": 32, "learning_rate": 1e-3, "ema_warmup": True, "log_every_steps": 4},
    "evaluation": {"num_samples": 64, "sampling_steps": 4, "batch_size": 32, "grid_images": 20},
}  # fmt: skip


def tiny(seed: int = 0, **sections: dict[str, Any]) -> TrialConfig:
    """Returns a tiny trial on digits; ``training={"learning_rate": 1.0}`` and the like override its fields."""
    merged = {name: {**TINY.get(name, {}), **sections.get(name, {})} for name in {*TINY, *sections}}
    return TrialConfig.model_validate({**merged, "seed": seed})


def only(kind: type[E], events: Iterable[Event]) -> list[E]:
    """Returns the events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def curve(events: Iterable[Event]) -> Iterator[CurvePoint]:
    """Yields the points of the training curve."""
    for event in only(Progress, events):
        yield from event.points
