"""From a config to its noise process."""

from __future__ import annotations

from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.flow import Flow
from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.process import Process
from dit_core.parts import OBJECTIVES


def build_process(config: DiffusionConfig) -> Process:
    """Returns the full training process that ``config.objective`` belongs to."""
    flow = OBJECTIVES.about(config.objective, "diffusion.objective").process == "flow"
    return Flow(config) if flow else Diffusion(config)
