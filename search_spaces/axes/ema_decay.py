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
            "evaluation.ema_length": None,
        }

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the decay that is evaluated; None where an average of another kind is."""
        return config.evaluated_decay if config.evaluation.ema_length is None else None


AXIS = EmaDecayAxis(
    name="ema_decay",
    title="EMA decay",
    description="decay of the moving average of the weights that is evaluated; one training keeps them all",
    citation="Peebles & Xie, arXiv 2212.09748, section 4; Karras et al., arXiv 2312.02696, section 3",
    fields=("evaluation.ema_decay", "training.ema_decays", "evaluation.ema_length"),
        absent=(
            "raw checkpoint", "raw weights of the model", "final training weights", "final weights",
            "weights at the end of training", "non averaged weights", "weights as they are",
            "raw network", "raw parameters", "online network", "online model", "live weights",
            "current weights", "last weights", "final iterate", "unaveraged weights", "unaveraged",
            "plain weights", "instantaneous weights", "raw weights", "last iterate", "raw model weights",
            "online weights", "no averaging", "not averaged",
        ),
    adapts=("training.ema_decays", "evaluation.ema_length"),
    vocabulary=(
        "unaveraged weights", "ema off", "no ema", "target network decay", "averaging coefficient",
        "shorter average", "longer average",
        "averaging of the weights", "average weights", "smoothed copy", "weights used for sampling",
        "weights for sampling", "evaluation weights", "polyak averaging", "weight smoothing",
        "slow weight average", "half life", "decay of the average", "shadow copy", "shadow copy of the weights",
        "shadow model", "copy of the weights", "averaged copy", "averaged model", "running average",
        "running mean", "running average of the weights", "memory of the average", "half life of the average",
        "weights that are evaluated", "which weights are evaluated", "evaluated weights", "smoothed weights",
        "average over iterates", "ema weights", "averaging", "averaging horizon", "average of the weights",
        "averaged weights", "moving average", "smoothing of the weights", "shadow weights", "raw weights",
        "weight average", "horizon", "last iterate", "polyak",
    ),
    group="optimisation",
    aliases=(
        "ema decay rate", "ema coefficient", "ema momentum", "ema beta", "ema weight", "ema half life",
        "ema model", "ema copy", "weight ema decay", "weight moving average", "exponential averaging",
        "parameter averaging", "ema of parameters", "parameter ema", "model ema", "ema smoothing", "ema factor",
        "ema horizon", "polyak averaging", "exponential weight averaging", "moving average decay",
        "exponentially averaged weights", "exponential moving average of the weights",
        "exponential moving average of weights", "ema", "exponential moving average", "ema rate",
        "weight averaging", "ema of weights", "weight ema", "averaged weights", "moving average of weights",
    ),
    suggested=(0.0, 0.999, 0.9999),
    remove_value=0.0,
    remove_means="the raw weights are evaluated",
    add_values=(0.999, 0.9999),
    add_means="weights averaged over training",
)  # fmt: skip
