"""A small transformer over the noised patches, conditioned on the blocks' output (DDT, Wang et al., arXiv 2504.05741).

Shape legend: N images, T tokens, D token width, C channels, H and W height and width.
"""

from __future__ import annotations

from torch import Tensor, nn

from dit_core.model.common import Common
from dit_core.model.config import ModelConfig
from dit_core.model.decoders.base import Decoder, Noised, unpatchify
from dit_core.model.embedders import PatchEmbedder
from dit_core.model.layers import Modulation, SelfAttention, plain_norm, pointwise, zero_

DEPTH = 2
"""Blocks of the decoder, on top of ``config.depth``. The paper gives the decoder 4 to 6 of 24 to 28 blocks."""


class TokenModulatedBlock(nn.Module):
    """An adaLN-Zero block whose shifts, scales and gates are every token's own; it starts as the identity."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm1 = plain_norm(config)
        self.attn = SelfAttention(config)
        self.norm2 = plain_norm(config)
        self.mlp = pointwise(config)
        self.adaLN_modulation = Modulation(config.hidden_size, 6)

    def forward(self, x_NTD: Tensor, c_NTD: Tensor, places: Common) -> Tensor:
        """Maps (N, T, D), with one condition per token, to (N, T, D)."""
        shift1_NTD, scale1_NTD, gate1_NTD, shift2_NTD, scale2_NTD, gate2_NTD = self.adaLN_modulation(c_NTD)
        attended_NTD = self.attn(self.norm1(x_NTD) * (1 + scale1_NTD) + shift1_NTD, places)
        x_NTD = x_NTD + gate1_NTD * attended_NTD
        x_NTD = x_NTD + gate2_NTD * self.mlp(self.norm2(x_NTD) * (1 + scale2_NTD) + shift2_NTD)
        return x_NTD


class DdtDecoder(Decoder):
    """Embeds the noised patches anew and denoises them; the blocks' output only says how, token by token.

    The condition of a token is the blocks' output there plus the timestep embedding; the label comes in through the
    blocks. Norms, attention, pointwise network and positions are the config's; gates always start closed. Two things
    differ from the paper's code, so that decoders can be compared: that output has passed the network's final norm,
    as for every decoder, and the modulations start at zero, as those of the blocks do.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.x_embedder = PatchEmbedder(config.in_channels, config.patch_size, config.hidden_size)
        self.blocks = nn.ModuleList(TokenModulatedBlock(config) for _ in range(DEPTH))
        self.norm = plain_norm(config)
        self.adaLN_modulation = Modulation(config.hidden_size, 2)
        self.linear = nn.Linear(config.hidden_size, config.patch_size**2 * config.out_channels)

    def forward(self, x_NTD: Tensor, noised: Noised | None = None) -> Tensor:
        """Maps (N, T, D) to (N, C, H, W).

        Raises:
            ValueError: without ``noised``, which this decoder needs.
        """
        if noised is None:
            raise ValueError("the ddt decoder needs what the network was given: pass `noised`")
        h_NTD = self.x_embedder(noised.x_NCHW).to(x_NTD.dtype)
        if noised.position_1TD is not None:
            h_NTD = h_NTD + noised.position_1TD
        c_NTD = x_NTD + noised.t_ND.unsqueeze(1)
        for block in self.blocks:
            h_NTD = block(h_NTD, c_NTD, noised.places)
        shift_NTD, scale_NTD = self.adaLN_modulation(c_NTD)
        return unpatchify(self.linear(self.norm(h_NTD) * (1 + scale_NTD) + shift_NTD), self.config.patch_size)

    def initialise(self) -> None:
        """Zeroes the last linear and the modulations."""
        for block in self.blocks:
            assert isinstance(block, TokenModulatedBlock)
            block.adaLN_modulation.zero()
        self.adaLN_modulation.zero()
        zero_(self.linear)
