"""What determines the diffusion process; the defaults are the paper's recipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dit_core.base import Added, Config


class DiffusionConfig(Config):
    """A discrete-time Gaussian diffusion (Ho et al., arXiv 2006.11239; Nichol & Dhariwal, arXiv 2102.09672).

    Attributes:
        num_timesteps: training steps T.
        beta_start: first value of the beta schedule; ``cosine`` has its own.
        beta_end: last value of the beta schedule; ``cosine`` has its own.
        noise_schedule: how the noise grows from step to step, a name in ``dit_core.parts.NOISE_SCHEDULES``; flow has
            no betas and leaves it at ``linear``.
        objective: what the network predicts, a name in ``dit_core.parts.OBJECTIVES``: ``noise``, ``x0``
            or ``v`` of the Gaussian process, or ``flow``, the velocity of a straight path (betas are then unused).
            ``x0`` is best trained with ``model.learn_sigma`` false: with little noise its error is large beside the
            variance to learn, and the variational term drowns the squared error.
        timestep_sampling: a name in ``dit_core.parts.TIMESTEP_SAMPLINGS``: ``uniform``, or ``logit-normal``
            (mean 0, deviation 1).
        loss_weighting: a name in ``dit_core.parts.LOSS_WEIGHTINGS``: ``none``, or ``min-snr``.
        min_snr_gamma: the signal-to-noise ratio at which ``min-snr`` cuts off.
    """

    num_timesteps: int = Field(1000, gt=1, le=1_000_000)
    beta_start: float = Field(1e-4, gt=0, lt=1)
    beta_end: float = Field(0.02, gt=0, lt=1)
    noise_schedule: Annotated[str, Added(as_before="linear")] = "linear"
    objective: str = "noise"
    timestep_sampling: str = "uniform"
    loss_weighting: str = "none"
    min_snr_gamma: float = Field(5.0, gt=0)
