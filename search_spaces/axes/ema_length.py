"""The power-function average of the weights that is evaluated: one training run serves every length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.axes.number import NumberAxis
from search_spaces.profiles import Profile
from search_spaces.words import match

_EXPONENTIAL = ("exponential", "exponential average", "exponential decay", "by decay", "none", "no power function")


@dataclass(frozen=True, kw_only=True)
class EmaLengthAxis(NumberAxis):
    """Sets which length is evaluated, and has the training keep it; 0 is the average that ``ema_decay`` names."""

    def parse(self, text: Any, profile: Profile) -> Any:
        """Returns the length that ``text`` names; see ``Axis.parse``."""
        return 0.0 if match(text, {0.0: _EXPONENTIAL}, self.spoken) is not None else super().parse(text, profile)

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns what is evaluated and what is kept."""
        kept = baseline.training.ema_lengths
        added = () if value == 0 or value in kept else (value,)
        return {"evaluation.ema_length": value or None, "training.ema_lengths": (*kept, *added)}

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the length that is evaluated, or 0."""
        return config.evaluation.ema_length or 0.0

    def label(self, value: Any) -> str:
        """Returns the length, or ``exponential``."""
        return super().label(value) if value else "exponential"


AXIS = EmaLengthAxis(
    name="ema_length",
    title="EMA length",
    description="relative length of EDM2's power-function average of the weights; one training tracks them all",
    citation="Karras et al., EDM2, arXiv 2312.02696, section 3.1; its post-hoc EMA approximates what is tracked here",
    fields=("evaluation.ema_length", "training.ema_lengths"),
    adapts=("training.ema_lengths",),
    group="optimisation",
    aliases=(
        "power ema", "relative ema width", "power function ema length", "edm2 ema length", "ema relative length",
        "posthoc ema width", "post hoc ema width", "post hoc ema", "posthoc ema", "power function ema",
        "relative ema length", "ema profile", "sigma rel", "ema sigma rel", "edm2 ema", "post hoc ema length",
        "ema width", "power function averaging",
    ),
    vocabulary=(
        "post hoc averaging", "power law averaging", "relative length", "ema profile width", "edm2 style ema",
        "width of the ema", "averaging profile",
        "power law average", "power law ema", "power function average", "edm2 style averaging",
        "width of the averaging window", "relative averaging width", "sigma relative", "relative width",
        "post hoc", "sigma rel", "edm2", "power function", "averaging length", "snapshots", "ema length",
    ),
    unlike=("sampling length", "training length", "sequence length"),
    units=("relative length", "sigma rel"),
    suggested=(0.0, 0.05, 0.1, 0.15),
    remove_value=0.0,
    remove_means="the average with a fixed decay",
    add_values=(0.05, 0.1, 0.15),
    add_means="a power-function average",
)  # fmt: skip
