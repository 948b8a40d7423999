"""Which noise levels training sees most."""

from __future__ import annotations

from dit_core.parts import TIMESTEP_SAMPLINGS
from search_spaces.axes.choice import ChoiceAxis

AXIS = ChoiceAxis(
    name="timestep_sampling",
    title="Timestep sampling",
    description="how often training sees every noise level: all alike, or the middle ones more often",
    citation="logit-normal (mean 0, deviation 1): Esser et al., Stable Diffusion 3, arXiv 2403.03206, section 3.1",
    fields=("diffusion.timestep_sampling",),
    vocabulary=(
        "draw timesteps", "draw t", "distribution over t", "timestep proposal", "which timesteps are trained",
        "time step sampler", "schedule sampler", "emphasis on middle timesteps", "training timesteps",
        "t distribution", "importance sampling of timesteps", "density from which t is drawn", "how t is drawn",
        "how timesteps are drawn", "drawing of timesteps", "which timesteps are seen",
        "timesteps seen in training", "noise levels drawn", "noise levels trained on", "uniform draw of timesteps",
        "draw of training timesteps", "training noise levels", "where training effort goes", "choice of t",
        "distribution of t", "sampling of t", "logit normal", "noise levels seen in training",
        "timesteps are drawn", "timestep draw", "timesteps drawn", "draw", "drawn", "uniform timesteps",
        "importance sampling", "distribution of noise levels", "distribution over timesteps",
        "distribution of timesteps", "how often each timestep", "noise levels", "timesteps", "density",
    ),
    unlike=("sampling steps", "number of timesteps", "timestep embedding",),
    aliases=(
        "timestep sampler", "timestep sampling distribution", "time distribution", "noise level density",
        "training time sampling", "distribution of training timesteps", "timestep sampling strategy",
        "time step sampling", "time step distribution", "t distribution", "distribution of timesteps",
        "distribution over timesteps", "sampling of timesteps", "sampling of the timestep",
        "training timestep sampling", "timestep sampling density", "uniform timestep sampling",
        "timestep distribution", "time sampling", "timestep density", "noise level sampling",
        "noise level distribution", "training timestep distribution", "t sampling",
    ),
    legal=TIMESTEP_SAMPLINGS.names,
    around=("timestep", "sampling", "distribution"),
    value_aliases={
        "uniform": ("uniform sampling", "uniform timesteps", "uniform distribution",
                    "uniformly",),
        "logit-normal": (
        "sd3 style", "sd3 sampling",

            "logit normal sampling", "logit normal density", "logit normal distribution", "logit normal timesteps",
            "logitnormal", "lognorm", "logit normal 0 1",
        ),
    },
    remove_value="uniform",
    remove_means="every noise level alike",
    add_values=("logit-normal",),
    add_means="some noise levels more often than others",
)  # fmt: skip
