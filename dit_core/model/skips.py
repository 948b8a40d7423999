"""Long skip connections between the first and the last blocks (U-ViT, Bao et al., arXiv 2209.12152, section 3.1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LongSkip(nn.Module):
    """Joins a block's input with the output of its mirror image in the first half: concatenation, then a linear.

    The linear starts at (identity, zero), so that a network with skips starts as the same network without; it is
    held as its difference from there, which draws no random number and passes the main path on exactly.
    """

    cost_part = "skips"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width, 2 * width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x_NTD: Tensor, early_NTD: Tensor) -> Tensor:
        """Maps two sequences (N, T, D) to one."""
        return x_NTD + F.linear(torch.cat((x_NTD, early_NTD), dim=-1), self.weight, self.bias)
