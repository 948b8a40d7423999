"""Adaptive layer norm with gates that start closed: the paper's block (arXiv 2212.09748, section 3.2, figure 3)."""

from __future__ import annotations

from torch import Tensor

from dit_core.model.blocks.base import GATES, Block, FinalNorm, ModulatedFinalNorm
from dit_core.model.common import NOTHING, Common, drop
from dit_core.model.config import ModelConfig
from dit_core.model.layers import Modulation, SelfAttention, modulate, plain_norm, pointwise


class AdaLNZeroBlock(Block):
    """As ``adaln``, and each residual branch is scaled by a regressed gate; all of it starts at zero (identity)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.norm1 = plain_norm(config)
        self.attn = SelfAttention(config)
        self.norm2 = plain_norm(config)
        self.mlp = pointwise(config)
        self.adaLN_modulation = Modulation(config.hidden_size, 6)

    def forward(self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor, common: Common = NOTHING) -> Tensor:
        """Maps (N, T, D) to (N, T, D)."""
        shift1_ND, scale1_ND, gate1_ND, shift2_ND, scale2_ND, gate2_ND = self.adaLN_modulation(t_ND + y_ND)
        attended_NTD = self.attn(modulate(self.norm1(x_NTD), shift1_ND, scale1_ND), common)
        x_NTD = x_NTD + gate1_ND.unsqueeze(1) * attended_NTD
        made_NTD = self.mlp(modulate(self.norm2(x_NTD), shift2_ND, scale2_ND))
        x_NTD = x_NTD + gate2_ND.unsqueeze(1) * drop(made_NTD, common.mlp_dropout)
        return x_NTD

    @staticmethod
    def final_norm(config: ModelConfig) -> FinalNorm:
        """Returns a modulated norm."""
        return ModulatedFinalNorm(config)

    def initialise(self) -> None:
        """Starts as the identity, unless ``gate_init`` opens the gates."""
        self.adaLN_modulation.zero_but_gates(GATES, self.config.gate_init)
