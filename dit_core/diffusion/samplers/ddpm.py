"""Ancestral sampling (Ho et al., arXiv 2006.11239, algorithm 2) with the learned or fixed variance, respaced."""

from __future__ import annotations

import torch
from torch import Tensor

from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.samplers.base import Predict, StepNoise


def run(predict: Predict, diffusion: Diffusion, x: Tensor, steps: int, step_noise: StepNoise) -> Tensor:
    """Steps from noise to images, each with fresh noise; see ``Sampler``."""
    process = diffusion.respaced(steps)
    for index in reversed(range(steps)):
        output = predict(x, int(process.timesteps[index]))
        mean, log_variance = process.p_mean_variance(output, x, torch.full((len(x),), index, device=x.device))
        x = mean
        if index > 0:
            x = mean + (log_variance / 2).exp() * step_noise(index)
    return x
