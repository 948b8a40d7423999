"""What decides how fast an arm is: arms that agree in it are measured once."""

from __future__ import annotations

from typing import Any

from dit_core.config import TrialConfig
from dit_core.identity import digest
from dit_core.parts import from_outside

_NUMBERS_ONLY = {
    "training": ("learning_rate", "warmup_images", "beta1", "beta2", "weight_decay", "class_dropout", "divergence_mse",
                 "log_every_steps", "initial_weights", "ema_warmup"),
    "evaluation": ("num_samples", "sampling_steps", "grid_images", "labels", "reference_images", "reference_statistics",
                   "allow_few_samples", "ema_decay"),
    "diffusion": ("beta_start", "beta_end"),
    "data": ("split_seed", "held_out_fraction", "corrupt"),
}  # fmt: skip
"""Fields that change numbers, or how often something is done, but not how long it takes once. All others count, so a
field that is added later never makes two arms one by mistake."""


def shape(config: TrialConfig) -> str:
    """Returns what identifies the work of one training step and of one sampling step, as 16 hex digits."""
    data: dict[str, Any] = config.model_dump(mode="json")
    del data["seed"]
    for section, names in _NUMBERS_ONLY.items():
        for name in names:
            data[section].pop(name, None)
    data["training"]["averages"] = sum(decay > 0 for decay in data["training"].pop("ema_decays"))
    outside = {named: origin.source for named, origin in from_outside(config).items()}
    return digest({**data, "outside": outside} if outside else data)[:16]
