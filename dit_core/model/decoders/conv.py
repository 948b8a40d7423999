"""U-ViT's decoder: linear, unpatchify, 3x3 convolution (Bao et al., arXiv 2209.12152, section 3.1)."""

from __future__ import annotations

from torch import Tensor, nn

from dit_core.model.config import ModelConfig
from dit_core.model.decoders.base import Decoder, Noised, unpatchify
from dit_core.model.layers import zero_


class ConvDecoder(Decoder):
    """As ``linear``, and a 3x3 convolution over the image lets neighbouring patches meet."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.linear = nn.Linear(config.hidden_size, config.patch_size**2 * config.out_channels)
        self.conv = nn.Conv2d(config.out_channels, config.out_channels, kernel_size=3, padding=1)

    def forward(self, x_NTD: Tensor, noised: Noised | None = None) -> Tensor:
        """Maps (N, T, D) to (N, C, H, W)."""
        out_NCHW: Tensor = self.conv(unpatchify(self.linear(x_NTD), self.config.patch_size))
        return out_NCHW

    def initialise(self) -> None:
        """Zeroes the convolution."""
        zero_(self.conv)
