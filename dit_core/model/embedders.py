"""What turns an image, its timestep and its label into tokens and conditioning vectors.

Shape legend: N images, C channels, H and W height and width, T tokens, D token width, F frequencies.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FREQUENCIES = 256
MAX_PERIOD = 10_000.0


class PatchEmbedder(nn.Module):
    """Cuts an image into non-overlapping patches and projects each to a token (a convolution of stride p)."""

    cost_part = "patchify"

    def __init__(self, channels: int, patch_size: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel_size=patch_size, stride=patch_size)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Maps (N, C, H, W) to (N, T, D), row by row."""
        tokens_NDhw: Tensor = self.proj(x_NCHW)
        return tokens_NDhw.flatten(2).transpose(1, 2)


class TimestepEmbedder(nn.Module):
    """Embeds diffusion timesteps: 256 sinusoidal features, then linear, SiLU, linear."""

    cost_part = "conditioning"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t_N: Tensor) -> Tensor:
        """Maps (N,) timesteps, whole or fractional, to (N, D)."""
        weight = self.mlp[0].weight
        assert isinstance(weight, Tensor)
        out: Tensor = self.mlp(timestep_features(t_N).to(weight.dtype))
        return out

    def initialise(self) -> None:
        """Draws both weights from N(0, 0.02), as the paper's code does."""
        for layer in (self.mlp[0], self.mlp[2]):
            assert isinstance(layer, nn.Linear)
            nn.init.normal_(layer.weight, std=0.02)


class LabelEmbedder(nn.Module):
    """A table with one row per class and a last one for the null class of classifier-free guidance.

    Without classes every image is of the null class, whatever its label.
    """

    cost_part = "conditioning"

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.embedding_table = nn.Embedding(num_classes + 1, width)

    def forward(self, y_N: Tensor) -> Tensor:
        """Maps (N,) labels in [0, num_classes] to (N, D)."""
        known_N = y_N if self.num_classes else torch.zeros_like(y_N)
        out: Tensor = F.embedding(known_N, self.embedding_table.weight)
        return out

    def initialise(self) -> None:
        """Draws the table from N(0, 0.02), as the paper's code does."""
        nn.init.normal_(self.embedding_table.weight, std=0.02)


def timestep_features(t_N: Tensor) -> Tensor:
    """Returns cosines, then sines, of t at 128 frequencies from 1 down towards 1/10000, (N, 256) float32.

    Frequency k of half = 128 is ``10000^(-k / half)``, the convention of the paper's code (dividing by half, not
    by half - 1 as some others do).
    """
    half = FREQUENCIES // 2
    exponent_F = torch.arange(half, dtype=torch.float32, device=t_N.device) / half
    angle_NF = t_N.float().unsqueeze(1) * torch.exp(-math.log(MAX_PERIOD) * exponent_F)
    return torch.cat((angle_NF.cos(), angle_NF.sin()), dim=1)


def position_table(width: int, side: int) -> Tensor:
    """Returns fixed 2-D sin-cos positions of a ``side`` x ``side`` grid, row by row, (1, side * side, D) float32.

    The first half of the width encodes the column, the second half the row; each half holds sines, then cosines,
    at frequencies ``10000^(-k / (D / 4))`` (He et al., arXiv 2111.06377, and the paper's code).
    """
    index = torch.arange(side, dtype=torch.float64)
    row_T = index.repeat_interleave(side)
    column_T = index.repeat(side)
    frequency_F = MAX_PERIOD ** (-torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    parts = [
        function(position_T.unsqueeze(1) * frequency_F)
        for position_T in (column_T, row_T)
        for function in (torch.sin, torch.cos)
    ]
    return torch.cat(parts, dim=1).float().unsqueeze(0)
