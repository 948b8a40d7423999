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
    vocabulary=(
        "snr gamma", "min snr gamma", "loss scale per timestep", "weight of timesteps", "timestep weights",
        "reweighted loss", "p2 weighting", "balance across noise levels", "balancing the loss",
        "emphasise timesteps", "emphasize timesteps", "per step loss weight", "simple mse loss", "unweighted loss",
        "uniform weight", "snr clamp", "loss coefficients",
        "snr weighting", "per timestep weights", "loss reweighting", "weighting of the denoising loss",
        "weighted denoising loss", "weight of each noise level", "weight of each timestep",
        "weights over noise levels", "weights over timesteps", "equal over all noise levels",
        "weighted by the signal to noise ratio", "signal to noise weights", "clamped weights", "loss per timestep",
        "loss over timesteps", "balance the loss", "weight of the loss", "error weighting",
        "weighting of the error", "weighting of the loss", "snr weights", "per noise level weight",
        "weight across noise levels", "loss weight", "loss balance", "balance", "signal to noise",
        "signal to noise ratio", "snr", "reweight", "reweighting", "per timestep", "weight per timestep",
        "uniform loss weight", "gamma", "weights each timestep", "noise levels", "timesteps", "simple loss",
        "weighted loss",
    ),
    unlike=("weight decay", "weighted average", "timestep embedding",),
    aliases=(
        "loss weighting scheme", "timestep loss weights", "per timestep loss weight", "snr loss weighting",
        "loss weights", "noise level weighting", "weighting function", "per timestep loss weighting",
        "weighting of the loss", "loss weight over timesteps", "loss weight", "snr weighting",
        "timestep weighting", "loss reweighting", "min snr weighting", "timestep loss weighting",
        "min snr loss weighting",
    ),
    legal=LOSS_WEIGHTINGS.names,
    around=("weighting", "weight", "loss"),
    value_aliases={
        "none": (
            "equal weights", "equal weighting", "plain mse", "simple loss", "unweighted", "no weighting",
            "uniform", "constant",
        ),
        "min-snr": (
        "clamped snr",

            "min snr weighting", "min snr gamma weighting", "min snr weights", "min snr gamma", "min snr γ",
            "minsnr", "min snr 5", "min snr gamma 5",
        ),
    },
    remove_value="none",
    remove_means="every noise level counts the same",
    add_values=("min-snr",),
    add_means="a weight that depends on the noise level",
)  # fmt: skip
