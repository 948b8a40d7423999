"""The samplers. To add one: a new file with a ``run`` and one line in ``dit_core.parts.SAMPLERS``."""

from __future__ import annotations

from dit_core.parts import OBJECTIVES, SAMPLERS


def sampler_name(objective: str, sampler: str | None = None) -> str:
    """Returns ``sampler``, or the objective's own: the first one registered for its process (ddpm, euler)."""
    if sampler is not None:
        return sampler
    process = OBJECTIVES.about(objective, "diffusion.objective").process
    return next(name for name in SAMPLERS if SAMPLERS.about(name).process == process)
