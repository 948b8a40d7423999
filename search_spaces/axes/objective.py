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
    vocabulary=(
        "model target", "eps prediction", "v prediction", "x0 prediction", "data prediction", "rectified flow",
        "target parameterisation", "output target", "stochastic interpolants",
        "v param", "velocity field", "regress the noise", "predict noise", "predict the noise", "predicting noise",
        "predicting the noise", "network target", "regression target", "prediction parameterization",
        "diffusion process", "process", "regress", "regressed quantity", "what the network regresses",
        "what the network outputs", "what is predicted", "quantity predicted", "predicted quantity",
        "network has to predict", "learning target", "noise or image", "learns to predict", "flow matching",
        "velocity prediction", "clean image prediction", "predict", "predicts", "network output",
        "what the network predicts", "trained to output", "output of the network", "noise prediction",
        "epsilon prediction", "regresses", "velocity", "straight path", "straight paths",
        "gaussian diffusion objective", "gaussian diffusion", "denoising objective", "training target",
        "formulation", "target", "rectified", "score", "parameterise", "transport", "interpolant",
        "linear interpolation",
    ),
    unlike=("loss weighting", "output head", "reverse process",),
    adapts=("model.learn_sigma", "evaluation.sampler"),
    aliases=(
        "prediction parametrization", "target parameterization", "model output parameterization",
        "output parameterization", "what the model predicts", "what the network predicts", "denoising target",
        "denoiser target", "diffusion formulation", "diffusion parameterization", "parametrization",
        "parametrisation", "prediction mode", "pred type", "model mean type", "training target",
        "noise prediction objective", "epsilon prediction objective", "prediction target", "prediction type",
        "training objective", "parameterization", "parameterisation", "prediction objective", "loss target",
        "prediction", "regression target", "network target", "prediction parameterization",
        "prediction parameterisation",
    ),
    legal=OBJECTIVES.names,
    around=("prediction", "predict", "predicting", "target", "objective", "loss"),
    value_aliases={
        "noise": (
            "noise prediction", "epsilon prediction", "predict noise", "predict the noise", "predicting noise",
            "predicting the noise", "epsilon", "eps", "ε",
        ),
        "x0": (
        "x0 target", "sample prediction", "x prediction",

            "x zero", "original sample", "original image", "denoised data", "clean image prediction",
            "predict the clean image", "predicting the clean image", "predict x0", "predicting x0", "x 0", "x",
            "clean image", "clean data", "image", "data", "sample", "clean latent", "clean latents",
            "clean signal", "clean sample", "denoised latent", "denoised image", "x start",
        ),
        "v": (
        "velocity prediction", "velocity",

            "v prediction", "v pred", "v target", "predict v", "predicting v", "v parameterization",
            "v parameterisation", "v param",
        ),
        "flow": (
        "sit objective",

            "rectified flow matching", "flow matching objective", "stochastic interpolant", "straight line flow",
            "linear interpolant flow", "flow matching loss", "linear flow matching", "velocity of a straight path",
            "flow matching", "rectified flow", "linear path", "sit", "linear flow", "conditional flow matching",
            "flow matching velocity", "velocity matching", "straight line interpolant", "linear interpolant",
            "straight line path", "straight path", "straight paths", "optimal transport path",
        ),
    },
)  # fmt: skip
