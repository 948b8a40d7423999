"""Networks with random weights everywhere: closed gates and a zeroed decoder make any comparison of networks pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT

SMALL: dict[str, Any] = {
    "input_size": 8, "in_channels": 4, "patch_size": 2, "hidden_size": 48, "depth": 3, "num_heads": 4, "num_classes": 7,
}  # fmt: skip


def small(**changes: Any) -> ModelConfig:
    """Returns the config of a small network."""
    return ModelConfig.model_validate({**SMALL, **changes})


def random_dit(config: ModelConfig, seed: int = 0, decoder_gain: float = 1.0) -> DiT:
    """Returns a network in evaluation mode whose every trainable weight is random, with values of order one inside.

    Args:
        config: the network.
        seed: of the weights.
        decoder_gain: factor on the last layer, thus on the outputs.
    """
    model = DiT(config).eval()
    randomise(model, seed)
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(decoder_gain)
    return model


@torch.no_grad()
def randomise(model: nn.Module, seed: int) -> None:
    """Draws every trainable weight anew: matrices from N(0, 1 / fan-in), vectors from N(0, 0.1)."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 100
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / fan_in**0.5)


class Denoiser(nn.Module):
    """A random network whose samples stay of order one: it adds to the best guess of the noise for white images.

    Left alone, a network that predicts anything but the noise ends hundreds away from zero, where an absolute
    tolerance means nothing.

    Args:
        network: the random network.
        alphas_cumprod: (T,), the process's share of signal variance.
    """

    def __init__(self, network: nn.Module, alphas_cumprod: torch.Tensor) -> None:
        super().__init__()
        self.network = network
        self.scale: torch.Tensor
        self.register_buffer("scale", (1 - alphas_cumprod).sqrt().float())

    def forward(self, x_NCHW: torch.Tensor, t_N: torch.Tensor, y_N: torch.Tensor) -> torch.Tensor:
        """Returns noise, and the variance behind it where the network has one."""
        noise = self.scale[t_N, None, None, None] * x_NCHW
        output: torch.Tensor = self.network(x_NCHW, t_N, y_N)
        return output + torch.cat((noise, torch.zeros_like(output[:, noise.shape[1] :])), 1)


def batch(config: ModelConfig, count: int = 6, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns images, timesteps from the first to the last, and labels with the null class among them."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((count, config.in_channels, config.input_size, config.input_size), generator=generator)
    t = torch.linspace(0, 999, count).round().long()
    y = torch.randint(0, config.num_classes + 1, (count,), generator=generator)
    y[-1] = config.num_classes
    return x, t, y
