"""How images are sampled from trained weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.diffusion.samplers import sampler_name
from dit_core.parts import OBJECTIVES, SAMPLERS
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.profiles import Profile


@dataclass(frozen=True, kw_only=True)
class SamplerAxis(ChoiceAxis):
    """Samplers by name; the objective's own one is what a config has that names none."""

    def values(self, profile: Profile) -> tuple[Any, ...]:
        """The samplers of the profile's kind of process."""
        process = OBJECTIVES.about(profile.config.diffusion.objective).process
        return tuple(name for name in SAMPLERS if SAMPLERS.about(name).process == process)

    def settings(self, value: Any, profile: Profile, baseline: TrialConfig) -> dict[str, Any]:
        """Returns the sampler, None for the objective's own: one measurement has one configuration."""
        return {self.fields[0]: None if value == sampler_name(baseline.diffusion.objective) else value}

    def current(self, config: TrialConfig, profile: Profile) -> Any:
        """Returns the sampler in use."""
        return sampler_name(config.diffusion.objective, config.evaluation.sampler)


AXIS = SamplerAxis(
    name="sampler",
    title="Sampler",
    description="how images are sampled: ddpm, ddim or dpm-solver++; euler or heun for flow",
    citation="Ho et al., arXiv 2006.11239; DDIM: Song et al., arXiv 2010.02502; DPM-Solver++: Lu et al., "
    "arXiv 2211.01095; Euler and Heun: Ma et al., SiT, arXiv 2401.08740",
    fields=("evaluation.sampler",),
    vocabulary=(
        "ode or sde", "sde or ode", "solver type", "solver choice", "sampling backend", "sampler name",
        "deterministic sampler", "stochastic sampler", "ddim vs ddpm", "fast solver", "fast sampler",
        "higher order solver", "second order solver", "ancestral sampler", "scheduler class", "inference solver",
        "reverse process sampler", "ode solver", "deterministic sampling", "sampling solver", "integration method",
        "integration scheme", "generation procedure", "reverse sampler", "how samples are drawn",
        "way samples are drawn", "how images are drawn", "numerical integrator", "denoising algorithm",
        "sampling rule", "reverse process", "integrator", "integrates", "integrates the reverse process", "ode",
        "sde", "ancestral", "deterministic", "stochastic", "sampling procedure", "inference algorithm",
        "generation algorithm", "numerical solver", "update rule", "scheduler at inference", "algorithm",
    ),
    aliases=(
        "sampling scheme", "sampling solver", "diffusion sampler", "denoising sampler", "inference sampler",
        "sde solver", "reverse sampler", "sampling procedure", "inference scheduler", "inference algorithm",
        "generation sampler", "numerical solver", "ddpm sampler", "sampling method", "sampling algorithm",
        "solver", "ode solver", "noise scheduler", "sampling scheduler", "sampler type",
    ),
    legal=SAMPLERS.names,
    around=("sampling", "solver", "sampler"),
    value_aliases={
        "ddpm": ("ddpm sampler", "ddpm sampling", "ancestral sampler", "stochastic ddpm",
                    "ancestral", "ancestral sampling"),
        "ddim": (
        "implicit model",
"ddim sampler", "ddim sampling",
                    "deterministic ddim", "ddim eta 0"),
        "dpm-solver++": (
            "dpm solver plus plus", "dpm solver multistep", "dpmsolver multistep", "dpm++ 2m",
            "multistep dpm solver", "dpm solver++ 2m", "dpm solver", "dpm solver 2m", "dpmsolver", "dpm++",
            "dpmpp",
        ),
        "euler": ("euler sampler", "euler solver", "euler method", "euler integration",
                    "euler ode",),
        "heun": (
            "heun solver", "heun method", "heun sampler", "second order heun solver", "heun 2", "heun ode",
            "second order heun",
        ),
    },
)  # fmt: skip
