"""Profiles that were measured before, kept per shape and hardware in the cache folder."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from dit_core.config import TrialConfig
from dit_core.data.paths import cache_folder
from dit_core.files import write_durably
from dit_core.identity import digest
from service.cost.interval import Interval
from service.cost.profiled import Profile
from service.cost.rates import PROFILED, Rates
from service.cost.shape import shape
from service.cost.target import Target
from service.cost.work import sampled_images

_LEAST = 0.10
"""A few steps tell how fast the next thousand will be to no better than this share."""
_PROFILE = TypeAdapter(Profile)


def folder(config: TrialConfig) -> Path:
    """Returns where the profiles of a configuration's shape are kept; it need not exist."""
    return cache_folder() / "profiles" / shape(config)


def keep(config: TrialConfig, found: Profile) -> None:
    """Keeps a profile in the place of an earlier one on the same hardware; without room nothing is kept."""
    where = digest({"hardware": found.hardware.model_dump(), "threads": found.threads})[:16]
    with contextlib.suppress(OSError):
        folder(config).mkdir(parents=True, exist_ok=True)
        write_durably(folder(config) / f"{where}.json", as_json(found).encode())


def as_json(found: Profile) -> str:
    """Returns a profile as text; ``from_json`` is the way back."""
    return json.dumps({**asdict(found), "hardware": found.hardware.model_dump()}, indent=1)


def from_json(text: str | bytes) -> Profile:
    """Returns the profile that ``as_json`` made text of.

    Raises:
        ValueError: it is none.
    """
    return _PROFILE.validate_json(text)


def kept_profile(config: TrialConfig, target: Target) -> Profile | None:
    """Returns the newest profile of a configuration's shape on such hardware; a damaged one counts as none."""
    found: list[tuple[float, Profile]] = []
    with contextlib.suppress(OSError):
        for path in folder(config).glob("*.json"):
            with contextlib.suppress(OSError, ValueError):
                read = from_json(path.read_bytes())
                if target.is_like(read.hardware, read.threads):
                    found.append((path.stat().st_mtime, read))
    return max(found, key=lambda item: item[0])[1] if found else None


def profiled_rates(config: TrialConfig, found: Profile) -> Rates:
    """Returns what a profile says of a whole trial, with 10 % to both sides at least."""
    settings, images = config.evaluation, sampled_images(config)
    sample = Interval.mean_of(found.sampling_step, _LEAST) * settings.sampling_steps + Interval.exactly(found.fixed)
    score = Interval.mean_of(found.score, _LEAST) * settings.num_samples
    return Rates(Interval.mean_of(found.train, _LEAST), sample * images, score, PROFILED, found.memory)
