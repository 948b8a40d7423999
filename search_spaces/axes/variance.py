"""Whether the network learns the variance of a reverse step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.parts import OBJECTIVES
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.profiles import Profile


@dataclass(frozen=True, kw_only=True)
class VarianceAxis(ChoiceAxis):
    """Two names for ``model.learn_sigma``."""

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns whether the variance is learned."""
        return {self.fields[0]: value == "learned"}

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns ``learned`` or ``fixed``; None for flow, which has no variance."""
        if OBJECTIVES.about(config.diffusion.objective).process == "flow":
            return None
        return "learned" if config.model.learn_sigma else "fixed"


AXIS = VarianceAxis(
    name="variance",
    title="Variance",
    description="learn the reverse step's variance between its bounds, or fix it at beta, the upper one; not for flow",
    citation="Nichol & Dhariwal, arXiv 2102.09672, section 3.1; fixed: Ho et al., arXiv 2006.11239, section 3.2",
    fields=("model.learn_sigma",),
    vocabulary=(
        "fixed covariance", "diagonal covariance", "sigma head", "covariance head", "l vlb", "iddpm variance",
        "predict sigma", "sigma theta", "kl term", "full kl", "full d kl",
        "learned sigmas", "sigmas", "fixed variance", "reverse process variance", "sigma prediction",
        "variance interpolation", "vlb term", "reverse covariance", "covariance of the reverse step",
        "spread of the reverse step", "learning the variance", "learned covariance", "predicted covariance",
        "predicted variance", "learning sigma", "second output", "sigma output", "width of the reverse step",
        "sigma", "covariance", "variational bound", "variational term", "vlb", "hybrid loss", "interpolated",
        "reverse process", "posterior variance", "upper bound", "beta tilde", "reverse step",
    ),
    group="objective",
    aliases=(
        "learned reverse variance", "reverse process covariance", "learned covariance", "sigma parameterization",
        "variance parameterization", "model var type", "posterior variance", "variance head", "variance output",
        "covariance prediction", "sigma prediction", "learn sigma", "learned variance", "variance prediction",
        "variance learning", "reverse variance", "sigma", "covariance", "learned sigma",
        "reverse process variance",
    ),
    legal=lambda: ("learned", "fixed"),
    value_aliases={
        "learned": (
        "learn sigma true", "predicted variance",

            "learned variance", "learned covariance", "learned sigma", "learned range", "learnt", "predicted",
            "learnable", "learning",
        ),
        "fixed": (
        "learn sigma false", "no learned variance", "held fixed", "kept fixed", "constant variance",
        "unlearned", "noise only",

            "not predicted", "hand set", "preset", "fixed variance", "fixed covariance",
            "fixed sigma", "fixed at beta", "fixed large", "constant", "not learned", "fixed at the upper bound",
            "upper bound", "fixed at the upper bound beta t", "beta t", "fixed at beta t", "fixed to beta t", "frozen",
            "epsilon only", "predicts only epsilon", "predicts epsilon only", "predicts noise only", "only the noise",
        ),
    },
    anyway=(
        "fixed",
        r"(?:re)?train(?:ed|ing)?\s+(?:with|on|by|using)\s+(?:the\s+)?(?:only\s+)?L_?\s*_?simple(?:\s+(?:only|alone))?",
    ),
    never=r"\blower[- ]bound|posterior variance|β̃|\bbeta[_ -]?tilde|\bfixed[- _]?small\b",
    remove_value="fixed",
    remove_means="the variance fixed at beta, and no variational term in the loss",
    add_values=("learned",),
    add_means="a learned variance and the variational term that trains it",
)  # fmt: skip
