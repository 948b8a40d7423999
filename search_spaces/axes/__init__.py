"""The axes: everything that can be varied. A new one is a file with an ``AXIS`` and a line here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from dit_core.errors import UserError
from dit_core.registry import Registry
from search_spaces.axes import (
    block,
    class_conditioning,
    conditioning,
    decoder,
    evaluation_seed,
    gate_init,
    long_skips,
    loss_weighting,
    mlp,
    noise_schedule,
    norm,
    objective,
    patch_size,
    position,
    qk_norm,
    registers,
    sampler,
    sampling_steps,
    shape,
    size,
    timestep_sampling,
    variance,
    weight_tying,
)
from search_spaces.axes.base import Axis
from search_spaces.axes.guidance import AXES_OF_GUIDANCE
from search_spaces.axes.training import AXES_OF_TRAINING
from search_spaces.words import match, words

AXES: Registry[Axis] = Registry(
    "axis",
    {
        axis.name: axis
        for axis in (
            patch_size.AXIS,
            block.AXIS,
            size.AXIS,
            conditioning.AXIS,
            class_conditioning.AXIS,
            decoder.AXIS,
            position.AXIS,
            norm.AXIS,
            qk_norm.AXIS,
            mlp.AXIS,
            gate_init.AXIS,
            registers.AXIS,
            long_skips.AXIS,
            weight_tying.AXIS,
            variance.AXIS,
            sampler.AXIS,
            objective.AXIS,
            noise_schedule.AXIS,
            timestep_sampling.AXIS,
            loss_weighting.AXIS,
            sampling_steps.AXIS,
            evaluation_seed.AXIS,
            *AXES_OF_GUIDANCE,
            shape.AXIS,
            *AXES_OF_TRAINING,
        )
    },
    instance_of="search_spaces.axes.base:Axis",
)
"""In the order in which arms are named: where two axes set one field, the first names the arm."""


def all_axes() -> tuple[Axis, ...]:
    """Returns every axis, in registration order."""
    return tuple(AXES.get(name) for name in AXES)


def axis_called(text: str) -> Axis | None:
    """Returns the axis that ``text`` names, as ``find_axis`` does; None where it names no axis, or not one alone."""
    if text in AXES.names():  # most names come from configurations and other code, not from people
        return AXES.get(text)
    names = {axis.name: axis.names for axis in all_axes()}
    found = match(text, names) or match(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(text)), names)
    return None if found is None else AXES.get(found)


def find_axis(text: str, where: str = "axis") -> Axis:
    """Returns the axis that ``text`` names, by name, title or alias, without regard to case and punctuation.

    Args:
        text: what was written.
        where: the field it was written in; opens the error.

    Raises:
        UserError: no axis, or not one alone, is called that; names the nearest.
    """
    found = axis_called(text)
    if found is None:
        if text in AXES.origins:
            AXES.must_run(text)
        close = nearest_axes(text, 1, likeness=0.6)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise UserError(f"{where}: unknown axis {text!r}{hint}; axes: {', '.join(AXES)}")
    return found


def nearest_axes(text: str, count: int = 3, likeness: float = 0.45) -> tuple[str, ...]:
    """Returns the names of up to ``count`` axes that read most like ``text``, best first.

    Args:
        text: what was written.
        count: how many to return at most.
        likeness: how alike they must be at least, in 0..1.
    """
    said = words(text)

    def alike(names: Iterable[str]) -> float:
        return max(
            max(difflib.SequenceMatcher(None, text.lower(), name.lower()).ratio(), _shared(said, words(name)))
            for name in names
        )

    scored = sorted(((alike(axis.names), axis.name) for axis in all_axes()), key=lambda pair: -pair[0])
    return tuple(name for score, name in scored[:count] if score >= likeness)


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """Share of the words that two phrases have in common, in 0..1."""
    return len(set(one) & set(other)) / max(1, len(set(one) | set(other)))


__all__ = ["AXES", "Axis", "all_axes", "axis_called", "find_axis", "nearest_axes"]
