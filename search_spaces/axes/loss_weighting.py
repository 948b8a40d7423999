"""How much the error at every noise level counts."""

from __future__ import annotations

from dit_core.parts import LOSS_WEIGHTINGS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="loss_weighting",
    title="Loss weighting",
    description="weight of the squared error over the noise levels: none, or min-snr (gamma in the config, 5)",
    citation="Hang et al., Min-SNR, arXiv 2303.09556, section 3.4",
    fields=("diffusion.loss_weighting",),
    aliases=("loss weight", "snr weighting", "timestep weighting", "loss reweighting", "min snr weighting",
             "timestep loss weighting", "min snr loss weighting"),
    legal=LOSS_WEIGHTINGS.names,
    around=("weighting", "weight", "loss"),
    value_aliases={
        "none": ("unweighted", "no weighting", "uniform", "constant"),
        "min-snr": ("min snr gamma", "min snr γ", "minsnr", "min snr 5", "min snr gamma 5"),
    },
    remove_value="none",
    remove_means="every noise level counts the same",
    add_values=("min-snr",),
    add_means="a weight that depends on the noise level",
)  # fmt: skip
