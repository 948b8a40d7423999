"""Sampling with classifier-free guidance (Ho & Salimans, arXiv 2207.12598), by any registered sampler."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dit_core.diffusion.guidance import guided_channels
from dit_core.diffusion.process import Process
from dit_core.diffusion.samplers import sampler_name
from dit_core.diffusion.samplers.base import StepNoise
from dit_core.parts import SAMPLERS

Network = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``(x_NCHW, t_N, y_N) -> (N, C or 2C, H, W)``."""


def guided(network: Network, scale: float, null_label: int, channels: int) -> Network:
    """Returns ``network`` under classifier-free guidance: unconditional + scale * (conditional - unconditional).

    Guidance extrapolates whatever the network predicts (noise, x_0, v or velocity).

    Args:
        network: the conditional network.
        scale: 1.0 is no guidance and runs the network once per step; anything else runs it on a doubled batch.
        null_label: the label of the unconditional prediction.
        channels: leading channels that are guided; the others and the variance stay conditional.
    """
    if scale == 1.0:
        return network

    def predict(x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        both = network(torch.cat([x, x]), torch.cat([t, t]), torch.cat([y, torch.full_like(y, null_label)]))
        conditional, unconditional = both.chunk(2)
        steered = torch.lerp(unconditional[:, :channels], conditional[:, :channels], scale)
        return torch.cat([steered, conditional[:, channels:]], 1)

    return predict


@torch.inference_mode()
def sample(
    model: Network,
    process: Process,
    *,
    noise: Tensor,
    labels: Tensor,
    steps: int,
    guidance_scale: float,
    null_label: int,
    step_noise: StepNoise,
    sampler: str | None = None,
    guidance_channels: int | None = None,
    guidance_interval: tuple[float, float] | None = None,
) -> Tensor:
    """Draws images, without clipping of x_0.

    Args:
        model: the network, in evaluation mode.
        process: the full training process.
        noise: (N, C, H, W) float32 standard normal, the start.
        labels: (N,) int64 class labels.
        steps: network evaluations per image, of which guidance makes two each.
        guidance_scale: 1.0 is none.
        null_label: the label that means "no class".
        step_noise: step index (``steps - 1`` down to 1) -> (N, C, H, W) standard normal on the device of ``noise``.
        sampler: a name in ``SAMPLERS``; None takes the objective's own.
        guidance_channels: leading channels that are guided; None takes ``guided_channels``.
        guidance_interval: noise levels, 0 data to 1 noise and both ends included, at which guidance is on; elsewhere
            the network runs once, unguided (Kynkäänniemi et al., arXiv 2404.07724). None is everywhere.

    Returns:
        (N, C, H, W) float32: images nominally in [-1, 1], or latents. Not clamped.

    Raises:
        UserError: an unknown sampler, or more steps than the process has.
    """
    channels = guided_channels(noise.shape[1], guidance_channels)
    steered = guided(model, guidance_scale, null_label, channels)
    low, high = guidance_interval or (0.0, 1.0)

    def predict(x: Tensor, time: float) -> Tensor:
        network = steered if low <= process.level(time) <= high else model
        t = torch.full((len(x),), time, device=x.device)
        return network(x, process.network_time(t), labels).float()

    name = sampler_name(process.config.objective, sampler)
    return SAMPLERS.get(name, "evaluation.sampler")(predict, process, noise, steps, step_noise)
