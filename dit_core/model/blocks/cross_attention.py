"""Cross-attention to timestep and label (Peebles & Xie, arXiv 2212.09748, section 3.2)."""

from __future__ import annotations

from torch import Tensor

from dit_core.model.blocks.base import Block
from dit_core.model.common import NOTHING, Common, drop
from dit_core.model.config import ModelConfig
from dit_core.model.layers import CrossAttention, SelfAttention, affine_norm, context, pointwise


class CrossAttentionBlock(Block):
    """A ViT block with a second attention, after self-attention, over the two-token sequence [t, c]."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.norm1 = affine_norm(config)
        self.attn = SelfAttention(config)
        self.norm2 = affine_norm(config)
        self.cross_attn = CrossAttention(config)
        self.norm3 = affine_norm(config)
        self.mlp = pointwise(config)

    def forward(self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor, common: Common = NOTHING) -> Tensor:
        """Maps (N, T, D) to (N, T, D)."""
        x_NTD = x_NTD + self.attn(self.norm1(x_NTD), common)
        x_NTD = x_NTD + self.cross_attn(self.norm2(x_NTD), context(t_ND, y_ND))
        x_NTD = x_NTD + drop(self.mlp(self.norm3(x_NTD)), common.mlp_dropout)
        return x_NTD
