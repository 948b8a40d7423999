"""The samplers. A new one is a file with a ``SAMPLER`` and a line here."""

from __future__ import annotations

from dit_core.diffusion.objectives import OBJECTIVES
from dit_core.diffusion.samplers import ddim, ddpm, dpm_solver, euler, heun
from dit_core.diffusion.samplers.base import Predict, Sampler, StepNoise
from dit_core.registry import Registry

SAMPLERS: Registry[Sampler] = Registry(
    "sampler",
    {
        "ddpm": ddpm.SAMPLER,
        "ddim": ddim.SAMPLER,
        "dpm-solver++": dpm_solver.SAMPLER,
        "euler": euler.SAMPLER,
        "heun": heun.SAMPLER,
    },
)


def sampler_name(objective: str, sampler: str | None = None) -> str:
    """Returns ``sampler``, or the objective's own: the first one registered for its process (ddpm, euler)."""
    if sampler is not None:
        return sampler
    process = OBJECTIVES.get(objective, "diffusion.objective").process
    return next(name for name in SAMPLERS if SAMPLERS.get(name).process == process)


__all__ = ["SAMPLERS", "Predict", "Sampler", "StepNoise", "sampler_name"]
