"""In-context conditioning: timestep and label are two more tokens (Peebles & Xie, arXiv 2212.09748, section 3.2)."""

from __future__ import annotations

from torch import Tensor

from dit_core.model.blocks.base import Block
from dit_core.model.common import NOTHING, Common, drop
from dit_core.model.config import ModelConfig
from dit_core.model.layers import SelfAttention, affine_norm, context, pointwise


class InContextBlock(Block):
    """A plain pre-norm ViT block; the conditioning comes in through self-attention to the extra tokens."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.norm1 = affine_norm(config)
        self.attn = SelfAttention(config)
        self.norm2 = affine_norm(config)
        self.mlp = pointwise(config)

    def forward(self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor, common: Common = NOTHING) -> Tensor:
        """Maps (N, T + 2, D) to (N, T + 2, D)."""
        x_NTD = x_NTD + self.attn(self.norm1(x_NTD), common)
        x_NTD = x_NTD + drop(self.mlp(self.norm2(x_NTD)), common.mlp_dropout)
        return x_NTD

    @staticmethod
    def extra_tokens(t_ND: Tensor, y_ND: Tensor) -> Tensor:
        """Returns the timestep and the label as two tokens, (N, 2, D)."""
        return context(t_ND, y_ND)
