"""A decoder with a hidden layer per token."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from dit_core.model.config import ModelConfig
from dit_core.model.decoders.base import Decoder, Noised, unpatchify
from dit_core.model.layers import zero_


class MlpDecoder(Decoder):
    """Linear to the token width, tanh-approximated GELU, linear to the token's own patch."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.hidden = nn.Linear(config.hidden_size, config.hidden_size)
        self.linear = nn.Linear(config.hidden_size, config.patch_size**2 * config.out_channels)

    def forward(self, x_NTD: Tensor, noised: Noised | None = None) -> Tensor:
        """Maps (N, T, D) to (N, C, H, W)."""
        return unpatchify(self.linear(F.gelu(self.hidden(x_NTD), approximate="tanh")), self.config.patch_size)

    def initialise(self) -> None:
        """Zeroes the last linear."""
        zero_(self.linear)
