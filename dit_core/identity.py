"""Two identities: what determines the weights, and what determines a measurement of them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from dit_core.config import TrialConfig

NUMERICS_VERSION = 1
"""Raised by hand whenever a change alters the numbers a given config produces (the golden losses tell)."""

_NOT_WEIGHTS: dict[str, set[str]] = {
    # where data lies does not matter, its fingerprint does; how it is decoded concerns evaluation
    "data": {"path", "vae", "corrupt"},
    "training": {"log_every_steps", "divergence_mse"},
}


def digest(value: Any) -> str:
    """Returns the SHA-256 of a value's canonical JSON, as 64 hex digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def train_id(config: TrialConfig, data_fingerprint: str) -> str:
    """Identifies the weights: the config without evaluation, the seed, the data, the numerics version.

    Args:
        config: the trial.
        data_fingerprint: ``dataset.fingerprint`` of the training images.
    """
    parts = config.model_dump(mode="json", exclude={"evaluation"})
    for section, fields in _NOT_WEIGHTS.items():
        parts[section] = {key: value for key, value in parts[section].items() if key not in fields}
    return digest({"config": parts, "data": data_fingerprint, "numerics": NUMERICS_VERSION})


def eval_id(train: str, images: int, config: TrialConfig, metric: str) -> str:
    """Identifies one measurement: the weights at ``images`` seen, the sampler, guidance, sample count, metric.

    Args:
        train: the ``train_id`` of the weights.
        images: training images seen.
        config: the trial, for its evaluation settings and VAE.
        metric: name of the metric.
    """
    sampler = config.evaluation.model_dump(mode="json", exclude={"metrics", "grid_images"})
    return digest(
        {
            "train": train,
            "images": images,
            "sampler": sampler,
            "vae": config.data.vae,
            "metric": metric,
            "numerics": NUMERICS_VERSION,
        }
    )
