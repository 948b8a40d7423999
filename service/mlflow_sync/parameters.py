"""The parameters of a trial's run: what the arms of its study differ in, each once. No MLflow here."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces.axes import AXES
from search_spaces.profiles import PROFILES
from search_spaces.types import Expansion
from service.analysis.config_columns import config_columns


def parameters(expansion: Expansion) -> Mapping[str, dict[str, str]]:
    """Returns arm -> name -> value of everything that the study's arms differ in.

    An axis that the study varies comes under its own name, with its value as arms are named by it. A field of the
    configuration comes under its dotted name, unless an axis has said the same. The rest, which is the same for all
    arms, is in ``config.json``.
    """
    arms, profile = expansion.arms, PROFILES.get(expansion.study.baseline.profile)
    columns: dict[str, list[str]] = {}
    for name in expansion.varied:
        if name in AXES:
            axis = AXES.get(name)
            columns[name] = [axis.label(axis.current(arm.config, profile)) for arm in arms]
    said = [fields for name in columns if len(fields := AXES.get(name).fields) == 1]
    once = {fields[0] for fields in said}
    for field, values in config_columns([arm.config for arm in arms]).items():
        texts = [_text(value) for value in values]
        if field not in once and texts not in columns.values():
            columns[field] = texts
    if len(set(tokens := [str(arm.config.model.num_tokens) for arm in arms])) > 1:
        columns["num_tokens"] = tokens
    return {arm.name: {name: values[row] for name, values in columns.items()} for row, arm in enumerate(arms)}


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
