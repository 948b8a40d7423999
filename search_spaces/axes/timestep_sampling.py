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
    aliases=("timestep distribution", "time sampling", "timestep density", "noise level sampling",
             "noise level distribution", "training timestep distribution", "t sampling"),
    legal=TIMESTEP_SAMPLINGS.names,
    around=("timestep", "sampling", "distribution"),
    value_aliases={
        "uniform": ("uniformly",),
        "logit-normal": ("logitnormal", "lognorm", "logit normal 0 1"),
    },
    remove_value="uniform",
    remove_means="every noise level alike",
    add_values=("logit-normal",),
    add_means="some noise levels more often than others",
)  # fmt: skip
