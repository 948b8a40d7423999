"""Fewer sampling steps from the same process (Nichol & Dhariwal, arXiv 2102.09672, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor

from dit_core.errors import UserError


def spaced_timesteps(num_timesteps: int, steps: int) -> list[int]:
    """Returns the timesteps kept: evenly spaced from 0 to ``num_timesteps - 1``, both included, rounded.

    The arithmetic (a running float sum, rounded half to even) is that of ``space_timesteps`` in the released ADM
    code for one integer count, so that the timesteps agree to the last one.

    Raises:
        UserError: there are fewer timesteps than steps.
    """
    if not 1 <= steps <= num_timesteps:
        raise UserError(f"sampling_steps: {steps} given; allowed: 1 to the {num_timesteps} diffusion steps")
    stride = (num_timesteps - 1) / (steps - 1) if steps > 1 else 1.0
    kept, position = [], 0.0
    for _ in range(steps):
        kept.append(round(position))
        position += stride
    return kept


def respaced_betas(betas: Tensor, timesteps: Tensor) -> Tensor:
    """Returns the betas of the process that visits only ``timesteps``: the share of signal there is unchanged.

    Args:
        betas: (T,) float64.
        timesteps: (S,) int64, increasing.
    """
    kept = torch.cumprod(1 - betas, 0)[timesteps]
    previous = torch.cat([torch.ones(1, dtype=kept.dtype), kept[:-1]])
    return 1 - kept / previous
