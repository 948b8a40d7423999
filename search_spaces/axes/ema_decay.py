"""Which moving average of the weights is evaluated: one training run serves every value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from search_spaces.axes.number import NumberAxis
from search_spaces.profiles import Profile


@dataclass(frozen=True, kw_only=True)
class EmaDecayAxis(NumberAxis):
    """Sets which average is evaluated, and has the training keep it beside those that it keeps already."""

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns what is evaluated and what is kept; 0 (the raw weights) is always there."""
        kept = baseline.training.ema_decays
        added = () if value == 0 or value in kept else (value,)
        return {
            "evaluation.ema_decay": None if value == kept[0] else value,  # the first is what is evaluated anyway
            "training.ema_decays": (*kept, *added),
        }

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the decay that is evaluated."""
        return config.evaluated_decay


AXIS = EmaDecayAxis(
    name="ema_decay",
    title="EMA decay",
    description="decay of the moving average of the weights that is evaluated; one training keeps them all",
    citation="Peebles & Xie, arXiv 2212.09748, section 4; Karras et al., arXiv 2312.02696, section 3",
    fields=("evaluation.ema_decay", "training.ema_decays"),
    adapts=("training.ema_decays",),
    group="optimisation",
    aliases=("ema", "exponential moving average", "ema rate", "weight averaging", "ema of weights",
             "weight ema", "averaged weights", "moving average of weights"),
    suggested=(0.0, 0.999, 0.9999),
    remove_value=0.0,
    remove_means="the raw weights are evaluated",
    add_values=(0.999, 0.9999),
    add_means="weights averaged over training",
)  # fmt: skip
