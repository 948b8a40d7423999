"""What a block's tokens are compared with given features through (REPA: Yu et al., arXiv 2410.06940, section 3.2).

Shape legend: N images, T tokens, D token width, F features of a token.
"""

from __future__ import annotations

from torch import Tensor, nn

from dit_core.model.config import ModelConfig


class Projector(nn.Module):
    """Three linear layers with SiLU between them, from a block's tokens to features; used in training only.

    The hidden layers are 16 / 9 D wide: the 2048 of the paper's code for XL, and in proportion for others.
    """

    cost_part = "alignment"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, hidden = config.hidden_size, round(config.hidden_size * 16 / 9)
        self.layers = nn.Sequential(
            nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, config.alignment_width),
        )  # fmt: skip

    def forward(self, x_NTD: Tensor) -> Tensor:
        """Maps (N, T, D) to (N, T, F)."""
        out: Tensor = self.layers(x_NTD)
        return out
