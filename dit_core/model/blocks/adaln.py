"""Adaptive layer norm (Perez et al., arXiv 1709.07871; Peebles & Xie, arXiv 2212.09748, section 3.2)."""

from __future__ import annotations

from torch import Tensor

from dit_core.model.blocks.base import Block, FinalNorm, ModulatedFinalNorm
from dit_core.model.common import NOTHING, Common, drop
from dit_core.model.config import ModelConfig
from dit_core.model.layers import Modulation, SelfAttention, modulate, plain_norm, pointwise


class AdaLNBlock(Block):
    """A ViT block whose two norms are shifted and scaled by the sum of the embeddings; no gates.

    The modulation starts like any other linear (xavier-uniform): starting it at zero is what ``adaln-zero`` adds.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.norm1 = plain_norm(config)
        self.attn = SelfAttention(config)
        self.norm2 = plain_norm(config)
        self.mlp = pointwise(config)
        self.adaLN_modulation = Modulation(config.hidden_size, 4)

    def forward(self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor, common: Common = NOTHING) -> Tensor:
        """Maps (N, T, D) to (N, T, D)."""
        shift1_ND, scale1_ND, shift2_ND, scale2_ND = self.adaLN_modulation(t_ND + y_ND)
        x_NTD = x_NTD + self.attn(modulate(self.norm1(x_NTD), shift1_ND, scale1_ND), common)
        x_NTD = x_NTD + drop(self.mlp(modulate(self.norm2(x_NTD), shift2_ND, scale2_ND)), common.mlp_dropout)
        return x_NTD

    @staticmethod
    def final_norm(config: ModelConfig) -> FinalNorm:
        """Returns a modulated norm."""
        return ModulatedFinalNorm(config)
