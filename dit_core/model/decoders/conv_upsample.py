"""A convolutional decoder: tokens to a feature grid, pixel shuffle, 3x3 convolutions.

The pixel shuffle is Shi et al., arXiv 1609.05158, section 3.2.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from dit_core.model.config import ModelConfig
from dit_core.model.decoders.base import Decoder, Noised, unpatchify
from dit_core.model.layers import zero_


class ConvUpsampleDecoder(Decoder):
    """Every token becomes a patch of wide features; two 3x3 convolutions turn those into the image.

    The features are ``max(16, D / 16)`` channels wide: 72 for XL.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        width = max(16, config.hidden_size // 16)
        self.linear = nn.Linear(config.hidden_size, config.patch_size**2 * width)
        self.conv1 = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(width, config.out_channels, kernel_size=3, padding=1)

    def forward(self, x_NTD: Tensor, noised: Noised | None = None) -> Tensor:
        """Maps (N, T, D) to (N, C, H, W)."""
        features_NFHW = unpatchify(self.linear(x_NTD), self.config.patch_size)
        out_NCHW: Tensor = self.conv2(F.gelu(self.conv1(features_NFHW), approximate="tanh"))
        return out_NCHW

    def initialise(self) -> None:
        """Zeroes the last convolution."""
        zero_(self.conv2)
