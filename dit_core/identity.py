"""Two identities: what determines the weights, and what determines a measurement of them.

Both hash values, never defaults: every field of a config counts with the value it has, unless its annotation says that
it is ``Irrelevant``, or that it was ``Added`` later and it has the value that means "as before" (``dit_core.base``).

Both hash what the code does with those values, by versions that are raised by hand. ``NUMERICS_VERSION`` concerns every
trial, ``EVALUATION_NUMERICS_VERSION`` every measurement, and each entry of ``dit_core.parts`` has a version of its own
that concerns whoever uses that part. Code from outside is known by a digest of its source instead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dit_core.base import Added, Config, Irrelevant
from dit_core.config import TrialConfig
from dit_core.diffusion.guidance import guided_channels
from dit_core.diffusion.samplers import sampler_name
from dit_core.interop.files import sha256
from dit_core.parts import METRICS, NAMED_BY, SAMPLERS, chosen

NUMERICS_VERSION = 2
"""Raised by hand whenever a change outside of ``dit_core.parts`` alters what configs train (the golden losses tell)."""

EVALUATION_NUMERICS_VERSION = 1
"""The same for a change that alters what is measured of given weights: labels, noise, guidance, features."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)


def digest(value: Any) -> str:
    """Returns the SHA-256 of a value's canonical JSON, as 64 hex digits."""
    return hashlib.sha256(_CANONICAL.encode(value).encode()).hexdigest()


def train_id(config: TrialConfig, data_fingerprint: str, weights_fingerprint: str | None = None) -> str:
    """Identifies the weights: the config without evaluation, the seed, the data, the code.

    Args:
        config: the trial.
        data_fingerprint: ``dataset.fingerprint`` of the training images.
        weights_fingerprint: stands for what is in ``training.initial_weights``, if given; None takes its SHA-256.

    Raises:
        UserError: the SHA-256 is to be taken, and the weights are not there.
    """
    return train_ids(config, [config.seed], data_fingerprint, weights_fingerprint)[0]


def train_ids(
    config: TrialConfig, seeds: Sequence[int], data_fingerprint: str, weights_fingerprint: str | None = None
) -> list[str]:
    """Returns the ``train_id`` of a configuration with each of these seeds; the other arguments are ``train_id``'s.

    Raises:
        UserError: as for ``train_id``.
    """
    settings = relevant(config)
    start = config.training.initial_weights
    if start is not None:  # what is in them matters, not where they lie
        settings["training"]["initial_weights"] = weights_fingerprint or sha256(start)
    numerics = {"core": NUMERICS_VERSION, **revisions(config)}
    content = {"data": data_fingerprint, "numerics": numerics}
    return [digest({**content, "config": {**settings, "seed": seed}}) for seed in seeds]


def sampling(config: TrialConfig) -> dict[str, Any]:
    """Returns all that decides which images a config samples and how they are compared; equal for equal images.

    What is None in the config is spelled out, and what has no effect (where guidance acts, when there is none) is
    left at its default.
    """
    settings = config.evaluation
    sampler = sampler_name(config.diffusion.objective, settings.sampler)
    steered = settings.guidance_scale != 1
    everywhere = settings.guidance_interval in (None, (0.0, 1.0))
    return relevant(settings) | {
        "ema_decay": config.evaluated_decay if settings.ema_length is None else None,
        "sampler": sampler,
        "guidance_channels": guided_channels(config.model.in_channels, settings.guidance_channels) if steered else None,
        "guidance_interval": settings.guidance_interval if steered and not everywhere else None,
        "numerics": {"evaluation": EVALUATION_NUMERICS_VERSION, **SAMPLERS.revisions(sampler)},
    }


def eval_id(train: str, images: int, config: TrialConfig, metric: str) -> str:
    """Identifies one measurement: the weights at ``images`` seen, the sampler, guidance, sample count, metric.

    Args:
        train: the ``train_id`` of the weights, which covers the data and the code that trains.
        images: training images seen.
        config: the trial, for its evaluation settings and VAE.
        metric: name of the metric; one that is not registered here is known by its name alone.
    """
    return eval_ids(train, [images], config, metric)[images]


def eval_ids(train: str, milestones: Iterable[int], config: TrialConfig, metric: str) -> dict[int, str]:
    """Returns the ``eval_id`` of a measurement at each of these numbers of images; the arguments are ``eval_id``'s."""
    return named(train, milestones, measuring(config, metric))


def measuring(config: TrialConfig, metric: str) -> dict[str, Any]:
    """Returns what an ``eval_id`` holds beside the weights and the images: the same for all seeds of an arm."""
    return {
        "sampler": sampling(config),
        "vae": config.data.vae,
        "metric": metric,
        "numerics": METRICS.revisions(metric) if metric in METRICS else {},
    }


def named(train: str, milestones: Iterable[int], measured: Mapping[str, Any]) -> dict[int, str]:
    """Returns the ``eval_id`` at each of these numbers of images of what is measured as ``measuring`` says."""
    return Naming(measured).names(train, milestones)


class Naming:
    """Gives the ``eval_id`` of whatever is measured in one way: what all of them hold is written out once.

    Args:
        measured: what ``measuring`` says.
    """

    def __init__(self, measured: Mapping[str, Any]) -> None:
        keys = sorted({*measured, "images", "train"})
        self._parts = [f"{_CANONICAL.encode(key)}:{_CANONICAL.encode(measured.get(key))}" for key in keys]
        self._images, self._train = keys.index("images"), keys.index("train")

    def names(self, train: str, milestones: Iterable[int]) -> dict[int, str]:
        """Returns the ``eval_id`` of weights at each of these numbers of images: ``digest`` of all that it holds."""
        parts, found = list(self._parts), {}
        parts[self._train] = f'"train":{_CANONICAL.encode(train)}'
        for images in milestones:
            parts[self._images] = f'"images":{images}'
            found[images] = hashlib.sha256(f"{{{','.join(parts)}}}".encode()).hexdigest()
        return found


def relevant(config: Config) -> dict[str, Any]:
    """Returns the values of a config that its identity holds, as plain JSON; sections without any are left out."""
    plain = config.model_dump(mode="json")
    found = {}
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if any(isinstance(mark, Irrelevant) for mark in field.metadata):
            continue
        if any(isinstance(mark, Added) and mark.as_before == value for mark in field.metadata):
            continue
        kept = relevant(value) if isinstance(value, Config) else plain[name]
        if kept != {}:
            found[name] = kept
    return found


def revisions(config: TrialConfig) -> dict[str, Any]:
    """Returns, for every part that trains, what its identity holds beside its name; first versions are left out.

    Returns:
        ``field=name`` -> name of the part or of one that it uses -> its revision.
    """
    fields = [field for field in NAMED_BY if not field.startswith("evaluation.")]
    found = {f"{field}={name}": NAMED_BY[field].revisions(name) for field in fields for name in chosen(config, field)}
    return {label: revision for label, revision in found.items() if revision}
