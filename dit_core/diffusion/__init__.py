"""The noise process and sampling."""

from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.flow import Flow
from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.objectives import OBJECTIVES
from dit_core.diffusion.process import Process
from dit_core.diffusion.sampling import sample


def build_process(config: DiffusionConfig) -> Process:
    """Returns the full training process that ``config.objective`` belongs to."""
    flow = OBJECTIVES.get(config.objective, "diffusion.objective").process == "flow"
    return Flow(config) if flow else Diffusion(config)


__all__ = ["Diffusion", "Flow", "Process", "build_process", "sample"]
