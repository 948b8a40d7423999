"""Ancestral sampling with classifier-free guidance (DDPM algorithm 2; Ho & Salimans, arXiv 2207.12598)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dit_core.diffusion.gaussian import Diffusion

Network = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``(x_NCHW, t_N, y_N) -> (N, C or 2C, H, W)``."""


def guided_channels(channels: int) -> int:
    """Returns how many leading noise channels guidance applies to.

    The released DiT code guides the first three of the four latent channels, and the paper's figures come from it;
    so do we for four channels. Any other input (pixels, other latents) is guided in all of its channels.
    """
    return 3 if channels == 4 else channels


def guided(network: Network, scale: float, null_label: int, channels: int) -> Network:
    """Returns ``network`` under classifier-free guidance: unconditional + scale * (conditional - unconditional).

    Args:
        network: the conditional network.
        scale: 1.0 is no guidance and runs the network once per step; anything else runs it on a doubled batch.
        null_label: the label of the unconditional prediction.
        channels: leading noise channels that are guided; the others and the variance stay conditional.
    """
    if scale == 1.0:
        return network

    def predict(x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        both = network(torch.cat([x, x]), torch.cat([t, t]), torch.cat([y, torch.full_like(y, null_label)]))
        conditional, unconditional = both.chunk(2)
        noise = torch.lerp(unconditional[:, :channels], conditional[:, :channels], scale)
        return torch.cat([noise, conditional[:, channels:]], 1)

    return predict


@torch.inference_mode()
def sample(
    model: Network,
    diffusion: Diffusion,
    *,
    noise: Tensor,
    labels: Tensor,
    steps: int,
    guidance_scale: float,
    null_label: int,
    step_noise: Callable[[int], Tensor],
) -> Tensor:
    """Draws images by respaced ancestral sampling, without clipping of x_0.

    Args:
        model: the network, in evaluation mode.
        diffusion: the full training process.
        noise: (N, C, H, W) float32 standard normal, the start.
        labels: (N,) int64 class labels.
        steps: respaced steps.
        guidance_scale: 1.0 is none.
        null_label: the label that means "no class".
        step_noise: step index (``steps - 1`` down to 1) -> (N, C, H, W) standard normal on the CPU or the device.

    Returns:
        (N, C, H, W) float32: images nominally in [-1, 1], or latents. Not clamped.

    Raises:
        UserError: more steps than the process has.
    """
    process = diffusion.respaced(steps)
    network = guided(model, guidance_scale, null_label, guided_channels(noise.shape[1]))
    x = noise
    for index in reversed(range(steps)):
        output = network(x, torch.full_like(labels, int(process.timesteps[index])), labels).float()
        mean, log_variance = process.p_mean_variance(output, x, torch.full_like(labels, index))
        x = mean
        if index > 0:
            x = mean + (log_variance / 2).exp() * step_noise(index).to(x.device, non_blocking=True)
    return x
