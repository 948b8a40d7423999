"""Settings as people write them, by axis or by dotted config field: a baseline's overrides, a step of a ladder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dit_core.base import Config
from dit_core.config import TrialConfig
from dit_core.errors import UserError
from search_spaces.axes import Axis, find_axis
from search_spaces.fields import with_fields
from search_spaces.profiles import Profile
from search_spaces.study import Study


def baseline_config(study: Study, profile: Profile) -> TrialConfig:
    """Returns the baseline: the profile's configuration with the study's overrides, set all at once."""
    where = "baseline.overrides"
    return with_fields(profile.config, read_settings(study.baseline.overrides, profile.config, profile, where), where)


def read_settings(given: Mapping[str, Any], config: TrialConfig, profile: Profile, where: str) -> dict[str, Any]:
    """Returns dotted config field -> value.

    Args:
        given: axis name (or alias) or dotted field -> value.
        config: the configuration that the settings will be applied to.
        profile: the study's profile.
        where: opens every error.

    Raises:
        UserError: an unknown axis or value, with the nearest match; or a seed, which is no setting.
    """
    settings: dict[str, Any] = {}
    for key, value in given.items():
        if key == "seed":
            raise UserError(f"{where}.seed: a seed is not part of an arm; write seeds under seeds")
        if "." in key:
            settings[key] = value
            continue
        axis = _axis(key, config, where)
        try:
            settings |= axis.settings(axis.parse(value, profile), profile, config)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
    return settings


def _axis(key: str, config: TrialConfig, where: str) -> Axis:
    """Returns the axis called ``key``; a config field written without its section gets the whole name as a hint."""
    try:
        return find_axis(key, where)
    except UserError as error:
        dotted = [
            f"{section}.{key}"
            for section, value in config
            if isinstance(value, Config) and key in type(value).model_fields
        ]
        if dotted:
            names = " or ".join(map(repr, dotted))
            raise UserError(f"{where}: {key!r} is no axis; did you mean the field {names}?") from None
        raise error
