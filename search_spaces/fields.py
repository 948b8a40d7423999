"""Reading and setting fields of a trial's config by their dotted names, e.g. ``training.learning_rate``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from dit_core.base import Config
from dit_core.config import TrialConfig
from dit_core.errors import UserError, parse

PATHS = frozenset(
    {
        "data.path",
        "data.vae",
        "data.features",
        "training.initial_weights",
        "evaluation.inception_weights",
        "evaluation.dinov2_weights",
        "evaluation.reference_images",
        "evaluation.reference_statistics",
    }
)
"""Fields that name a file or folder (some of them, a hub name instead)."""


def get_field(config: TrialConfig, field: str) -> Any:
    """Returns the value of a dotted field."""
    value: Any = config
    for part in field.split("."):
        value = getattr(value, part)
    return value


def flat(config: TrialConfig) -> dict[str, Any]:
    """Returns dotted field -> value for the whole configuration."""
    found: dict[str, Any] = {}
    for section, value in config:
        if isinstance(value, Config):
            found.update({f"{section}.{name}": item for name, item in value})
        else:
            found[section] = value
    return found


def kinds_of(field: str) -> frozenset[type]:
    """Returns the plain types that a dotted field takes, e.g. ``{str, NoneType}``; none for an unknown field."""
    section, _, leaf = field.partition(".")
    part = TrialConfig.model_fields.get(section)
    found = getattr(part.annotation, "model_fields", {}).get(leaf) if part is not None else None
    return frozenset() if found is None else frozenset(_kinds(found.annotation))


def _kinds(annotation: Any) -> Iterator[type]:
    parts = get_args(annotation)
    if not parts and isinstance(annotation, type):
        yield annotation
    for part in parts:
        yield from _kinds(part)


def with_fields(
    config: TrialConfig, settings: Mapping[str, Any], where: str = "", written: Mapping[str, str] | None = None
) -> TrialConfig:
    """Returns ``config`` with fields replaced, all at once, and validated as a whole.

    Where an average of the weights is to be evaluated, training keeps it: that changes nothing else.

    Args:
        config: the configuration to start from.
        settings: dotted field -> value.
        where: opens the error sentence.
        written: dotted field -> the name by which the user set it.

    Raises:
        UserError: an unknown field (with the nearest match), or values that do not fit each other.
    """
    data = config.model_dump()
    for field, value in settings.items():
        section, _, leaf = field.partition(".")
        if isinstance(value, bool) and (kinds := kinds_of(field)) and bool not in kinds:
            wanted = "a number" if kinds & {int, float} else "text"
            raise UserError(f"{where + ': ' if where else ''}{field}: {wanted} is wanted, given {str(value).lower()}")
        if not leaf:
            data[field] = value
        elif isinstance(data.setdefault(section, {}), dict):
            data[section][leaf] = value
        else:
            raise UserError(f"{where + ': ' if where else ''}{field}: {section} has no fields")
    decay = settings.get("evaluation.ema_decay")
    if decay and "training.ema_decays" not in settings and decay not in config.training.ema_decays:
        data["training"]["ema_decays"] = (*config.training.ema_decays, decay)
    length = settings.get("evaluation.ema_length")
    if length and "training.ema_lengths" not in settings and length not in config.training.ema_lengths:
        data["training"]["ema_lengths"] = (*config.training.ema_lengths, length)
    return parse(TrialConfig, data, where, written)
