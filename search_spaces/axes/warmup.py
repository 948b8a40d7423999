"""How long the learning rate rises before it is constant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.axes.base import Axis
from search_spaces.axes.number import NumberAxis
from search_spaces.profiles import Profile

_SHARES = (40, 10)
"""The warm-ups tried when a study names none, as parts of the profile's budget (the paper's: 10 000, 40 000 steps)."""


@dataclass(frozen=True, kw_only=True)
class WarmupAxis(NumberAxis):
    """Values are training images; what is sensible depends on how long the profile trains."""

    def values(self, profile: Profile) -> tuple[Any, ...]:
        """No warm-up, and the profile's usual ones."""
        return (0, *(profile.study["budget_images"] // share for share in _SHARES))

    def add(self, baseline: TrialConfig, profile: Profile, values: Iterable[Any] = ()) -> tuple[Any, ...]:
        """Returns the warm-ups that ADD tries: any positive number, or the profile's usual ones."""
        asked = tuple(values)
        offered = tuple(dict.fromkeys(value for value in (*asked, *self.values(profile)) if value > 0))
        if asked:
            return Axis.add(replace(self, add_values=offered), baseline, profile, asked)
        usual = tuple(value for value in self.values(profile) if value > 0)
        return Axis.add(replace(self, add_values=usual), baseline, profile)


AXIS = WarmupAxis(
    name="warmup_images",
    title="Learning-rate warm-up",
    description="training images over which the learning rate rises linearly from zero",
    citation="Goyal et al., arXiv 1706.02677, section 2.2; none in Peebles & Xie, arXiv 2212.09748, section 4",
    fields=("training.warmup_images",),
        absent=("full learning rate from the start", "full learning rate from the first step",
                    "start at full learning rate",
                    "full rate from the first step", "no warm up",),
    vocabulary=(
        "ramp up of the lr", "warm up iterations", "warmup iterations", "gradual start", "slow start of the lr",
        "ramp of the learning rate", "number of warm up steps", "warmup epochs",
        "lr ramp", "gradual warm up", "lr warm up", "warm up phase", "beginning of the learning rate curve",
        "start of the learning rate curve", "warming up", "warm up length", "warm up period",
        "learning rate rises", "raising the learning rate slowly", "slow start", "rise of the learning rate",
        "ramp", "ramp up", "ramped", "gradual", "gentle start", "rises", "rise", "linear ramp",
        "start of training", "first steps",
    ),
    aliases=(
        "warmup length", "warm up length", "warmup period", "warm up period", "warmup steps", "warmup phase",
        "warmup duration", "lr ramp up", "learning rate ramp", "learning rate ramp up", "number of warmup steps",
        "warm up of the learning rate", "warmup", "warm up", "lr warmup", "lr warm up", "learning rate warmup",
        "linear warmup", "linear warm up", "warm up images",
    ),
    units=("image",),
    kind=int,
    remove_value=0,
    remove_means="the learning rate is constant from the first step",
    add_means="a linear rise of the learning rate",
)  # fmt: skip
