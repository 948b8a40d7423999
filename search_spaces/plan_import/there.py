"""Values that are there before anything is tried: those of the paper's configuration."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from search_spaces.axes import Axis, all_axes
from search_spaces.plan_import.joined import axes_named
from search_spaces.profiles import PROFILES

_SCHEDULE = frozenset((1e-4, 0.02))
"""The ends of the linear schedule's betas (Ho et al., arXiv 2006.11239, section 4)."""

STEPS = frozenset((float(PROFILES.get("paper").config.diffusion.num_timesteps),))
"""How many steps the paper's diffusion has."""


@lru_cache(maxsize=1)
def _by_axis() -> dict[str, float]:
    paper = PROFILES.get("paper")
    own = {axis.name: axis.current(paper.config, paper) for axis in all_axes()}
    return {name: float(value) for name, value in own.items() if isinstance(value, int | float)}


@lru_cache(maxsize=1)
def published_numbers() -> frozenset[float]:
    """Returns the numbers of the paper's configuration, of whatever part."""
    diffusion = PROFILES.get("paper").config.diffusion
    return frozenset(_by_axis().values()) | _SCHEDULE | {float(diffusion.num_timesteps)}


def published_of(fields: Collection[str]) -> frozenset[float]:
    """Returns the numbers that the paper has of some fields of a configuration."""
    own = _by_axis()
    return frozenset(own[axis.name] for axis in all_axes() if axis.name in own and {*axis.fields} <= {*fields})


def is_published_of(name: str, number: float) -> bool:
    """Whether a number is what the paper has of the one axis that a text names.

    Args:
        name: the text before the number, such as ``the hidden size``.
        number: what stands behind it.
    """
    named = axes_named(name)
    return len(named) == 1 and _by_axis().get(named[0]) == number


def is_published(value: Any, axis: Axis) -> bool:
    """Whether a value is what the paper has, which a plan may name as what is there, whatever the baseline is."""
    paper = PROFILES.get("paper")
    return bool(value == axis.current(paper.config, paper))
