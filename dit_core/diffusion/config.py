"""What determines the diffusion process; the defaults are the paper's recipe."""

from __future__ import annotations

from pydantic import Field

from dit_core.base import Config


class DiffusionConfig(Config):
    """A discrete-time Gaussian diffusion (Ho et al., arXiv 2006.11239; Nichol & Dhariwal, arXiv 2102.09672).

    Attributes:
        num_timesteps: training steps T.
        beta_start: first value of the linear beta schedule.
        beta_end: last value of the linear beta schedule.
    """

    num_timesteps: int = Field(1000, gt=1)
    beta_start: float = Field(1e-4, gt=0, lt=1)
    beta_end: float = Field(0.02, gt=0, lt=1)
