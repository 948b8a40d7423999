"""Deterministic sampling, eta 0, on the same respaced steps (Song et al., DDIM, arXiv 2010.02502, eq. 12)."""

from __future__ import annotations

import torch
from torch import Tensor

from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.samplers.base import Predict, StepNoise


def run(predict: Predict, diffusion: Diffusion, x: Tensor, steps: int, step_noise: StepNoise) -> Tensor:
    """Steps deterministically from noise to images; see ``Sampler``."""
    process, channels = diffusion.respaced(steps), x.shape[1]
    before = torch.cat([torch.ones(1, dtype=torch.float64), process.alphas_cumprod[:-1]])
    for index in reversed(range(steps)):
        output = predict(x, int(process.timesteps[index]))[:, :channels]
        t = torch.full((len(x),), index, device=x.device)
        x0, noise = process.predict_x0(x, t, output), process.predict_noise(x, t, output)
        x = before[index].sqrt().item() * x0 + (1 - before[index]).sqrt().item() * noise
    return x
