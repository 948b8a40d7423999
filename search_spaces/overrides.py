"""Settings as people write them, by axis or by dotted config field: a baseline's overrides, a step of a ladder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    given = dict(study.baseline.overrides)
    if study.baseline.point == "grid":
        if not study.grid or not all(study.grid.values()):
            raise UserError("baseline.point: it is the first point of the study's grid, and the study has no grid")
        given |= {key: values[0] for key, values in study.grid.items()}
    return with_fields(profile.config, read_settings(given, profile.config, profile, where), where, written(given))


def read_settings(given: Mapping[str, Any], config: TrialConfig, profile: Profile, where: str) -> dict[str, Any]:
    """Returns dotted config field -> value; the order of the names makes no difference.

    Args:
        given: axis name (or alias) or dotted field -> value.
        config: the configuration that the settings will be applied to.
        profile: the study's profile.
        where: opens every error.

    Raises:
        UserError: an unknown axis or value, with the nearest match; two names for one field; or a seed, which is no
            setting.
    """
    for name in given:
        if name == "seed":
            raise UserError(f"{where}.seed: a seed is not part of an arm; write seeds under seeds")
    refuse_two_names(given, where)
    adapted: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, value in given.items():
        if "." in name:
            own[name] = value
            continue
        axis = _axis(name, where)
        try:
            settings = axis.settings(axis.parse(value, profile), profile, config)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        for field, setting in settings.items():
            (adapted if field in axis.adapts else own)[field] = setting
    return adapted | own


def written(names: Iterable[str]) -> dict[str, str]:
    """Returns dotted field -> the axis by which it is set, for axes that set several fields.

    Args:
        names: axis names (or aliases) and dotted config fields, all of them known.
    """
    axes = ((name, _axis(name, "").fields) for name in names if "." not in name)
    return {field: name for name, fields in axes if len(fields) > 1 for field in fields}


def refuse_two_names(names: Iterable[str], where: str) -> None:
    """Refuses names of which two set the same config field, whatever their values.

    Raises:
        UserError: naming both, and the field.
    """
    setter: dict[str, str] = {}
    for name in names:
        for field in fields_of(name, where):
            if field in setter:
                raise UserError(f"{where}: {setter[field]!r} and {name!r} both set {field}; keep one of them")
            setter[field] = name


def fields_of(name: str, where: str) -> tuple[str, ...]:
    """Returns the dotted config fields that a name sets on its own account.

    Args:
        name: an axis name (or alias) or a dotted config field.
        where: opens the error.

    Raises:
        UserError: no axis is called that.
    """
    if "." in name:
        return (name,)
    axis = _axis(name, where)
    return tuple(field for field in axis.fields if field not in axis.adapts)


def replace_settings(given: Mapping[str, Any], chosen: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns settings with some of them chosen anew.

    A choice takes the place of every name whose fields it sets all of, whichever way either is written. A choice that
    sets only some of the fields of a name is refused: what would be left of the name would no longer be what it says.

    Args:
        given: axis name (or alias) or dotted field -> value.
        chosen: the same, to replace or add.
        where: opens the error; followed by the choice's name.

    Raises:
        UserError: a choice that sets a part of what another name sets, or is no axis.
    """
    kept = dict(given)
    for name in chosen:
        fields = {*fields_of(name, where)}
        for other in given:
            others = {*_known_fields(other)}
            if others and others <= fields:
                kept.pop(other, None)
            elif others & fields:
                part = min(others & fields)
                raise UserError(
                    f"{where} {name}: the study sets {other!r}, which sets {part} among other fields; "
                    f"set {other} instead, or write its fields one by one in the study"
                )
    return kept | dict(chosen)


def _known_fields(name: str) -> tuple[str, ...]:
    """The fields that a name of the study sets; none where it is unknown, which is said when the study is read."""
    try:
        return fields_of(name, "")
    except UserError:
        return ()


def _axis(name: str, where: str) -> Axis:
    """Returns the axis called ``name``; a config field written without its section gets the whole name as a hint."""
    try:
        return find_axis(name, where)
    except UserError as error:
        section = getattr(TrialConfig(), name, None) if name in TrialConfig.model_fields else None
        if isinstance(section, Config):
            first = next(iter(type(section).model_fields))
            raise UserError(f"{where}: {name} is a section; write its fields one by one, e.g. {name}.{first}") from None
        dotted = [
            f"{section}.{name}"
            for section, value in TrialConfig()
            if isinstance(value, Config) and name in type(value).model_fields
        ]
        if dotted:
            names = " or ".join(map(repr, dotted))
            raise UserError(f"{where}: {name!r} is no axis; did you mean the field {names}?") from None
        raise error
