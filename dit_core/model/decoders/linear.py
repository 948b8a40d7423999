"""The paper's decoder: one linear per token (Peebles & Xie, arXiv 2212.09748, section 3.2)."""

from __future__ import annotations

from torch import Tensor, nn

from dit_core.model.config import ModelConfig
from dit_core.model.decoders.base import Decoder, Noised, unpatchify
from dit_core.model.layers import zero_


class LinearDecoder(Decoder):
    """Every token is projected to its own patch."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.linear = nn.Linear(config.hidden_size, config.patch_size**2 * config.out_channels)

    def forward(self, x_NTD: Tensor, noised: Noised | None = None) -> Tensor:
        """Maps (N, T, D) to (N, C, H, W)."""
        return unpatchify(self.linear(x_NTD), self.config.patch_size)

    def initialise(self) -> None:
        """Zeroes the linear."""
        zero_(self.linear)
