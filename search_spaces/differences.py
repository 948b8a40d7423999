"""Everything in which two arms differ beyond what was asked, so that no difference is credited to the wrong cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dit_core.config import TrialConfig
from dit_core.diffusion.guidance import guided_channels
from dit_core.diffusion.samplers import sampler_name
from dit_core.training.averaging import averaging_horizon
from search_spaces.axes import Axis, all_axes
from search_spaces.axes.guidance import EVERYWHERE
from search_spaces.fields import flat
from search_spaces.overrides import fields_of
from search_spaces.profiles import Profile

NEAR = 0.05
"""Averaging horizons this close to each other count as equal."""


@dataclass(frozen=True)
class Difference:
    """One thing in which two configurations differ.

    Attributes:
        what: an axis in words (``sampler``), a dotted config field that no axis covers, or what follows from them
            (``averaging horizon``).
        before: its value in the arm that is compared with, as people write it.
        after: its value in the arm.
        fields: the dotted config fields behind it; none for what follows from fields that are asked for.
    """

    what: str
    before: str
    after: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.what} {self.before} → {self.after}"


def differences(
    baseline: TrialConfig, arm: TrialConfig, asked: Iterable[str], profile: Profile, images: int
) -> tuple[Difference, ...]:
    """Returns what differs between two configurations beyond what was asked for, however it came about.

    Values that are left open in a config count as what they come to: an arm whose objective has a sampler of its own
    has another sampler. The seed, and averages of the weights that are kept and not evaluated, do not count.

    Args:
        baseline: the configuration that is compared with.
        arm: the other one.
        asked: what the comparison is about: names of axes, or dotted config fields. What an axis only brings into line
            with its value (``Axis.adapts``) was not asked for.
        profile: the study's profile.
        images: training images seen at the comparison, which the averaging horizon depends on.

    Returns:
        One entry per axis, in the order of the axes, then one per field that no axis covers, then what follows from
        the batch size and the decay of the average.
    """
    before, after = _effective(baseline), _effective(arm)
    covered = {field for name in asked for field in fields_of(name, "asked")}
    covered |= {field for field, value in after.items() if value == before[field]}
    found: list[Difference] = []
    for axis in all_axes():
        own = [field for field in axis.fields if field not in axis.adapts and field not in covered and field in after]
        values = _labels(axis, baseline, arm, profile) if own else None
        if values is not None:
            found.append(Difference(axis.name.replace("_", " "), *values, tuple(own)))
            covered.update(own)
    found += [
        Difference(field, _plain(before[field]), _plain(after[field]), (field,))
        for field in after
        if field not in covered
    ]
    return (*found, *_consequences(baseline, arm, images))


@lru_cache(maxsize=2048)
def _effective(config: TrialConfig) -> Mapping[str, Any]:
    """Dotted field -> what it comes to; every arm of a study is compared with the same baseline."""
    own = config.evaluation
    spelled_out = {
        "evaluation.sampler": sampler_name(config.diffusion.objective, own.sampler),
        "evaluation.ema_decay": config.evaluated_decay,
        "evaluation.guidance_channels": guided_channels(config.model.in_channels, own.guidance_channels),
        "evaluation.guidance_interval": own.guidance_interval or EVERYWHERE,
    }
    kept = {"seed", "training.ema_decays"}  # the average that is evaluated is among the evaluation's fields
    return {field: value for field, value in flat(config).items() if field not in kept} | spelled_out


def _labels(axis: Axis, baseline: TrialConfig, arm: TrialConfig, profile: Profile) -> tuple[str, str] | None:
    """The axis's values in the two; None where it has none of them in one, or calls both the same."""
    values = axis.current(baseline, profile), axis.current(arm, profile)
    if None in values and len(axis.fields) > 1:
        return None  # e.g. a width and depth that are on no ladder of sizes: width and depth say it
    before, after = ("none" if value is None else axis.label(value) for value in values)
    return None if before == after else (before, after)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _consequences(baseline: TrialConfig, arm: TrialConfig, images: int) -> list[Difference]:
    """What another batch size, or another average, means at equal images."""
    found: list[Difference] = []
    batches = baseline.training.batch_size, arm.training.batch_size
    if batches[0] != batches[1]:
        before, after = (f"{images // batch:,}" for batch in batches)
        found.append(Difference("optimiser steps", before, after))
    if baseline.evaluated_decay == arm.evaluated_decay:  # else the average is what was asked for, or is said above
        horizons = averaging_horizon(baseline, images), averaging_horizon(arm, images)
        if abs(horizons[0] - horizons[1]) > NEAR * max(horizons):
            before, after = (f"{round(horizon):,} images" for horizon in horizons)
            found.append(Difference("averaging horizon", before, after))
    return found
