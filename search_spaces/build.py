"""Studies made in Python, and what a study takes from its profile when it does not say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dit_core.errors import parse
from search_spaces.expand import expand
from search_spaces.profiles import PROFILES
from search_spaces.study import Ablation, Study


def ablation_study(
    name: str,
    ablations: Iterable[Ablation | str],
    *,
    profile: str = "digits",
    overrides: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Study:
    """Builds a study of one-factor questions around a baseline.

    Args:
        name: identifies the study.
        ablations: the questions; an axis alone asks for every value that the profile knows.
        profile: the baseline's profile.
        overrides: axis names or dotted config fields that change the baseline.
        **settings: any other field of ``Study`` (``seeds``, ``budget_images``, ``rungs``, ``policy``, ...).

    Raises:
        UserError: the study is impossible, in one sentence.
    """
    return _build(name, profile, overrides, {"ablations": tuple(ablations), **settings})


def grid_study(
    name: str,
    grid: Mapping[str, Sequence[Any]],
    *,
    profile: str = "digits",
    overrides: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Study:
    """Builds a study of every combination of some axes' values.

    Args:
        name: identifies the study.
        grid: axis -> values, e.g. ``{"patch_size": [2, 4], "block": ["adaln", "adaln-zero"]}``.
        profile: the baseline's profile.
        overrides: axis names or dotted config fields that change the baseline.
        **settings: any other field of ``Study`` (``seeds``, ``budget_images``, ``rungs``, ``policy``, ...).

    Raises:
        UserError: the study is impossible, in one sentence.
    """
    return _build(name, profile, overrides, {"grid": dict(grid), **settings})


def _build(name: str, profile: str, overrides: Mapping[str, Any] | None, settings: Mapping[str, Any]) -> Study:
    baseline = {"profile": profile, "overrides": dict(overrides or {})}
    study = parse(Study, complete({"name": name, "baseline": baseline, **settings}))
    expand(study)
    return study


def complete(data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a study's plain data with what it leaves out taken from its profile.

    Rungs belong to a budget: a study that sets its own budget and no rungs has none.
    """
    full = dict(data)
    baseline = full.get("baseline")
    name = baseline.get("profile", "digits") if isinstance(baseline, dict) else baseline or "digits"
    profile = PROFILES.get(str(name), "baseline.profile")
    defaults = {**profile.study, "primary_metric": profile.primary_metric}
    if "budget_images" in full:
        for key in ("rungs", "checkpoint_images"):
            defaults.pop(key, None)
    for key, value in defaults.items():
        full.setdefault(key, value)
    return full
