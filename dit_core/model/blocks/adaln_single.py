"""Adaptive layer norm with one modulation for the whole network (Chen et al., PixArt-alpha, arXiv 2310.00426, 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dit_core.model.blocks.base import GATES, Block, FinalNorm, ModulatedFinalNorm, Shared
from dit_core.model.common import NOTHING, Common, drop
from dit_core.model.config import ModelConfig
from dit_core.model.layers import Modulation, SelfAttention, modulate, plain_norm, pointwise


class SharedModulation(Shared):
    """Regresses shifts, scales and gates once per image, for every block alike."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.adaLN_modulation = Modulation(config.hidden_size, 6)

    def forward(self, t_ND: Tensor, y_ND: Tensor) -> Tensor:
        """Maps timestep and label embedding to the six vectors, (N, 6, D)."""
        return torch.stack(self.adaLN_modulation(t_ND + y_ND), dim=1)

    def initialise(self) -> None:
        """Starts as adaLN-Zero does."""
        self.adaLN_modulation.zero_but_gates(GATES, self.config.gate_init)


class AdaLNSingleBlock(Block):
    """As ``adaln-zero``, but the six vectors are the shared ones plus a learned table of the block's own.

    It differs from ``adaln-zero`` in that alone: the tables start at zero, so every block starts as the identity,
    and the final norm is modulated in the same way. (PixArt-alpha starts its tables from a pretrained network.)
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.norm1 = plain_norm(config)
        self.attn = SelfAttention(config)
        self.norm2 = plain_norm(config)
        self.mlp = pointwise(config)
        self.scale_shift_table = nn.Parameter(torch.zeros(6, config.hidden_size))

    def forward(self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor, common: Common = NOTHING) -> Tensor:
        """Maps (N, T, D) to (N, T, D).

        Raises:
            ValueError: ``common`` lacks the shared modulation.
        """
        if common.shared is None:
            raise ValueError("an adaln-single block needs the output of AdaLNSingleBlock.shared(config) in `common`")
        vectors_N6D = common.shared + self.scale_shift_table
        shift1_ND, scale1_ND, gate1_ND, shift2_ND, scale2_ND, gate2_ND = vectors_N6D.unbind(1)
        attended_NTD = self.attn(modulate(self.norm1(x_NTD), shift1_ND, scale1_ND), common)
        x_NTD = x_NTD + gate1_ND.unsqueeze(1) * attended_NTD
        made_NTD = self.mlp(modulate(self.norm2(x_NTD), shift2_ND, scale2_ND))
        x_NTD = x_NTD + gate2_ND.unsqueeze(1) * drop(made_NTD, common.mlp_dropout)
        return x_NTD

    @staticmethod
    def shared(config: ModelConfig) -> Shared:
        """Returns the one modulation."""
        return SharedModulation(config)

    @staticmethod
    def final_norm(config: ModelConfig) -> FinalNorm:
        """Returns a modulated norm."""
        return ModulatedFinalNorm(config)
