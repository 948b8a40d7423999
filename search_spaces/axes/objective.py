"""What the network is trained to predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.parts import OBJECTIVES, SAMPLERS
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.profiles import Profile


@dataclass(frozen=True, kw_only=True)
class ObjectiveAxis(ChoiceAxis):
    """Objectives by name; what cannot go with one is changed with it."""

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns the objective; no learned variance for flow; its own sampler where the baseline's does not fit."""
        process = OBJECTIVES.about(value).process
        sampler = baseline.evaluation.sampler
        fits = sampler is not None and SAMPLERS.about(sampler).process == process
        return {
            "diffusion.objective": value,
            "model.learn_sigma": baseline.model.learn_sigma and process != "flow",
            "evaluation.sampler": sampler if fits else None,
        }


AXIS = ObjectiveAxis(
    name="objective",
    title="Objective",
    description="what the network predicts: noise, x0 (best with fixed variance), v, or a straight flow (always fixed)",
    citation="noise: Ho et al., arXiv 2006.11239, eq. 14; x0 and v: Salimans & Ho, arXiv 2202.00512, section 4; "
    "flow: Ma et al., SiT, arXiv 2401.08740",
    fields=("diffusion.objective", "model.learn_sigma", "evaluation.sampler"),
    adapts=("model.learn_sigma", "evaluation.sampler"),
    aliases=("prediction target", "prediction type", "training objective", "parameterization", "parameterisation",
             "prediction objective", "loss target", "prediction", "regression target", "network target",
             "prediction parameterization", "prediction parameterisation"),
    legal=OBJECTIVES.names,
    around=("prediction", "predict", "predicting", "target", "objective", "loss"),
    value_aliases={
        "noise": ("epsilon", "eps", "ε"),
        "x0": ("x 0", "x", "clean image", "clean data", "image", "data", "sample"),
        "v": ("v parameterization", "v parameterisation", "v param"),
        "flow": ("flow matching", "rectified flow", "linear path", "sit", "linear flow", "conditional flow matching",
                 "flow matching velocity"),
    },
)  # fmt: skip
