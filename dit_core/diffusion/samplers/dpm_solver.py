"""DPM-Solver++(2M) (Lu et al., arXiv 2211.01095, algorithm 2), as diffusers has it, on its own even spacing.

The output becomes x_0 before the scheduler sees it, so every Gaussian objective works.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.samplers.base import Predict, StepNoise
from dit_core.errors import UserError


def run(predict: Predict, diffusion: Diffusion, x: Tensor, steps: int, step_noise: StepNoise) -> Tensor:
    """Steps from noise to images as the multistep scheduler of diffusers says; see ``Sampler``."""
    try:
        from diffusers import DPMSolverMultistepScheduler
    except ImportError:
        raise UserError("evaluation.sampler: dpm-solver++ needs the package diffusers; allowed without: ddim") from None

    channels = x.shape[1]
    scheduler = DPMSolverMultistepScheduler(
        num_train_timesteps=diffusion.config.num_timesteps,
        trained_betas=diffusion.betas.tolist(),
        algorithm_type="dpmsolver++",
        solver_order=2,
        prediction_type="sample",
    )
    scheduler.set_timesteps(steps)
    for timestep in scheduler.timesteps:
        output = predict(x, int(timestep))[:, :channels]
        x0 = diffusion.predict_x0(x, torch.full((len(x),), int(timestep), device=x.device), output)
        x = scheduler.step(x0, timestep, x).prev_sample
    return x
