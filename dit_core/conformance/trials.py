"""The small trial that conformance checks train: two rows of blocks on digits, in a blink."""

from __future__ import annotations

from typing import Any

from dit_core.config import TrialConfig

BATCH = 32
_SECTIONS: dict[str, dict[str, Any]] = {
    "model": {
        "input_size": 8, "in_channels": 1, "patch_size": 4, "hidden_size": 48, "depth": 2, "num_heads": 4,
        "num_classes": 10,
    },
    "data": {"name": "digits", "image_size": 8},
    "training": {"batch_size": BATCH, "log_every_steps": 1, "learning_rate": 1e-3, "ema_warmup": True},
    "evaluation": {"num_samples": 64, "sampling_steps": 2, "batch_size": 64, "grid_images": 10},
}  # fmt: skip


def small_trial(**sections: dict[str, Any]) -> TrialConfig:
    """Returns a small trial; ``sections`` change it, e.g. ``model={"block": "gated"}``."""
    return TrialConfig.model_validate({name: {**given, **sections.get(name, {})} for name, given in _SECTIONS.items()})
