"""Two identities: what determines the weights, and what determines a measurement of them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from dit_core.config import TrialConfig
from dit_core.diffusion.samplers import sampler_name
from dit_core.diffusion.sampling import guided_channels
from dit_core.interop import initial

NUMERICS_VERSION = 2
"""Raised by hand whenever a change alters the numbers a given config produces (the golden losses tell)."""

_NOT_WEIGHTS: dict[str, set[str]] = {
    # where data lies does not matter, its fingerprint does; how it is decoded concerns evaluation
    "data": {"path", "vae", "corrupt", "image_column", "label_column", "source_split"},
    "training": {"log_every_steps", "divergence_mse"},
}


def digest(value: Any) -> str:
    """Returns the SHA-256 of a value's canonical JSON, as 64 hex digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def train_id(config: TrialConfig, data_fingerprint: str, weights_fingerprint: str | None = None) -> str:
    """Identifies the weights: the config without evaluation, the seed, the data, the numerics version.

    Args:
        config: the trial.
        data_fingerprint: ``dataset.fingerprint`` of the training images.
        weights_fingerprint: stands for what is in ``training.initial_weights``, if given; None takes its SHA-256.

    Raises:
        UserError: the SHA-256 is to be taken, and the weights are not there.
    """
    parts = config.model_dump(mode="json", exclude={"evaluation"})
    for section, fields in _NOT_WEIGHTS.items():
        parts[section] = {key: value for key, value in parts[section].items() if key not in fields}
    if config.training.initial_weights is not None:  # what is in them matters, not where they lie
        found = weights_fingerprint or initial.sha256(config.training.initial_weights)
        parts["training"]["initial_weights"] = found
    return digest({"config": parts, "data": data_fingerprint, "numerics": NUMERICS_VERSION})


def sampling(config: TrialConfig) -> dict[str, Any]:
    """Returns all that decides which images a config samples and how they are compared; equal for equal images.

    What is None in the config is spelled out, and what has no effect (where guidance acts, when there is none) is
    left at its default.
    """
    settings = config.evaluation
    found = settings.model_dump(mode="json", exclude={"metrics", "grid_images", "batch_size"})
    steered = settings.guidance_scale != 1
    everywhere = settings.guidance_interval in (None, (0.0, 1.0))
    return found | {
        "ema_decay": config.evaluated_decay,
        "sampler": sampler_name(config.diffusion.objective, settings.sampler),
        "guidance_channels": guided_channels(config.model.in_channels, settings.guidance_channels) if steered else None,
        "guidance_interval": settings.guidance_interval if steered and not everywhere else None,
    }


def eval_id(train: str, images: int, config: TrialConfig, metric: str) -> str:
    """Identifies one measurement: the weights at ``images`` seen, the sampler, guidance, sample count, metric.

    Args:
        train: the ``train_id`` of the weights.
        images: training images seen.
        config: the trial, for its evaluation settings and VAE.
        metric: name of the metric.
    """
    return digest(
        {
            "train": train,
            "images": images,
            "sampler": sampling(config),
            "vae": config.data.vae,
            "metric": metric,
            "numerics": NUMERICS_VERSION,
        }
    )
