"""How the learning rate falls after its warm-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.parts import LEARNING_RATE_SCHEDULES
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.profiles import Profile


@dataclass(frozen=True, kw_only=True)
class LearningRateScheduleAxis(ChoiceAxis):
    """Sets the schedule, and that it ends where the study does: with another budget it is another training."""

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns the schedule and the images at which it ends."""
        return {
            "training.learning_rate_schedule": value,
            "training.decay_images": 0 if value == "constant" else profile.horizon,
        }


AXIS = LearningRateScheduleAxis(
    name="learning_rate_schedule",
    title="Learning-rate schedule",
    description="constant after the warm-up, or falling to zero at the study's budget; another budget trains it anew",
    citation="constant: Peebles & Xie, arXiv 2212.09748, section 4; cosine: Loshchilov & Hutter, arXiv 1608.03983, "
    "eq. 5; linear: Devlin et al., arXiv 1810.04805",
    fields=("training.learning_rate_schedule", "training.decay_images"),
    adapts=("training.decay_images",),
    aliases=(
        "learning rate curve", "learning rate policy", "lr policy", "learning rate decay schedule", "lr curve",
        "learning rate profile", "lr profile", "learning rate plan", "constant learning rate", "lr schedule",
        "learning rate decay", "lr decay", "learning rate scheduler", "lr scheduler", "learning rate annealing",
        "lr annealing", "learning rate scheduling", "step size schedule", "schedule of the learning rate",
        "decay of the learning rate",
    ),
    vocabulary=(
        "cosine lr", "anneal the learning rate", "annealed lr", "constant versus cosine", "cool down", "cooldown",
        "scheduler type", "constant lr schedule",
        "decay of the learning rate", "course of the learning rate", "learning rate curve",
        "end of the learning rate curve", "course of the step size", "learning rate over training",
        "step size over training", "learning rate course", "shape of the learning rate", "rate over time",
        "learning rate over time", "annealed", "annealing of the learning rate", "annealing of the step size",
        "schedule of the step size", "decaying learning rate", "how the learning rate changes", "anneal",
        "annealing", "decay", "scheduler", "schedule", "cosine annealing", "constant learning rate",
        "decays to zero",
    ),
    unlike=(
        "weight decay", "ema decay", "noise schedule", "beta schedule", "variance schedule", "noise scheduler",
        "guidance schedule", "timestep schedule",
    ),
    legal=LEARNING_RATE_SCHEDULES.names,
    around=("decay", "schedule", "annealing", "learning rate", "lr", "scheduler", "to zero"),
    value_aliases={
        "constant": (
            "constant rate", "constant learning rate", "fixed", "no decay", "flat", "unchanged", "no schedule",
        ),
        "linear": (
        "linear cool down",

            "linear decay to zero", "linear to zero", "decay linearly", "linearly to zero",
            "linear decay", "linearly decaying", "linear annealing",
        ),
        "cosine": (
        "cosine lr",

            "cosine decay schedule", "cosine to zero", "cosine decay",
            "cosine decay to 0", "cosine to 0", "cosine annealing to 0", "cosine annealing to zero",
            "cosine annealing", "half cosine", "cosine decay to zero", "cos",
        ),
    },
    remove_value="constant",
    remove_means="a constant learning rate after the warm-up",
    add_values=("cosine", "linear"),
    add_means="a learning rate that falls to zero at the study's budget",
)  # fmt: skip
