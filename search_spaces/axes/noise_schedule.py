"""How the noise of a Gaussian process grows from step to step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.parts import NOISE_SCHEDULES, OBJECTIVES
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.profiles import Profile


@dataclass(frozen=True, kw_only=True)
class NoiseScheduleAxis(ChoiceAxis):
    """Schedules by name; a flow has none."""

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the schedule; None for flow, which has no betas."""
        flow = OBJECTIVES.about(config.diffusion.objective).process == "flow"
        return None if flow else config.diffusion.noise_schedule

    def caution(self, value: Any, baseline: TrialConfig) -> str:
        """Says that predicted noise and a schedule that ends without signal go badly together."""
        if value != "cosine" or baseline.diffusion.objective != "noise":
            return ""
        return (
            "its last step keeps 0.005 % of the signal, where a small error of predicted noise is a large one in the "
            "image (x_0 is not clipped); its samples tell little about the schedule unless the objective is v or x0"
        )


AXIS = NoiseScheduleAxis(
    name="noise_schedule",
    title="Noise schedule",
    description="how the betas of a Gaussian process grow; cosine suits v or x0, as it ends with hardly any signal",
    citation="linear: Ho et al., arXiv 2006.11239, section 4; cosine: Nichol & Dhariwal, arXiv 2102.09672, eq. 17; "
    "scaled-linear: Rombach et al., arXiv 2112.10752; sigmoid: Xu et al., arXiv 2203.02923",
    fields=("diffusion.noise_schedule",),
    aliases=(
        "alpha bar schedule", "noise scheduling", "beta scheduler", "corruption schedule", "beta sequence",
        "forward variance schedule", "noise level schedule", "diffusion beta schedule", "noising process schedule",
        "forward process noise schedule", "beta schedule", "diffusion schedule", "variance schedule",
        "noising schedule", "forward noise schedule", "diffusion noise schedule", "schedule of the noise",
        "noise variance schedule", "betas schedule", "forward process schedule",
    ),
    vocabulary=(
        "forward schedule", "log snr schedule", "diffusion variance schedule", "destruction of information",
        "noising", "noise curve", "sigmoid schedule", "noise profile",
        "linear betas", "cosine betas", "signal decay", "noise added over time", "diffusion schedule",
        "signal to noise schedule", "forward noising", "how the betas grow", "betas grow", "growth of the betas",
        "how noise is added", "amount of noise per step", "noising process", "corruption schedule",
        "corruption process", "how fast noise grows", "noise over time", "noise ramp",
        "variance of the forward process", "beta", "betas", "alpha bar", "alphas cumprod", "forward process",
        "signal to noise ratio", "snr", "forward diffusion", "noise level", "diffusion process",
    ),
    unlike=("noise scheduler", "learning rate schedule", "lr schedule", "cosine learning rate", "cosine decay",
            "cosine annealing"),
    legal=NOISE_SCHEDULES.names,
    around=("schedule", "betas", "noise"),
    value_aliases={
        "linear": ("linear betas",
                    "linear beta",),
        "scaled-linear": ("sqrt linear", "square root linear", "quadratic", "scaled linear beta"),
        "cosine": (
        "iddpm cosine",

            "squared cosine schedule", "squared cosine", "cos", "squaredcos cap v2",
            "squaredcos", "cosine beta", "cosine alpha bar",
        ),
        "sigmoid": ("sigmoid schedule",
                    "sigmoid beta", "sigmoidal"),
    },
    remove_means="a diffusion cannot be without one; use REPLACE",
)  # fmt: skip
