"""The layers that blocks and decoders are made of.

Shape legend: N images, T tokens, S context tokens, D token width, H heads, K head width, R rotated pairs of a head.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dit_core.model.attention import attend
from dit_core.model.common import NOTHING, Common, drop
from dit_core.model.config import ModelConfig
from dit_core.model.positions import rotate
from dit_core.parts import GATE_INITS, MLPS, NORMS, POSITIONS


def plain_norm(config: ModelConfig) -> nn.Module:
    """Returns a norm over the token width without parameters, to be modulated."""
    return NORMS.get(config.norm, "model.norm")(config.hidden_size, False)


def affine_norm(config: ModelConfig) -> nn.Module:
    """Returns a norm over the token width with what it learns."""
    return NORMS.get(config.norm, "model.norm")(config.hidden_size, True)


def pointwise(config: ModelConfig) -> nn.Module:
    """Returns a block's pointwise network."""
    return MLPS.get(config.mlp, "model.mlp")(config.hidden_size, config.mlp_width)


def modulate(x_NTD: Tensor, shift_ND: Tensor, scale_ND: Tensor) -> Tensor:
    """Scales and shifts every token of an image alike; zeros leave the tokens as they are."""
    return x_NTD * (1 + scale_ND.unsqueeze(1)) + shift_ND.unsqueeze(1)


def zero_(linear: nn.Linear | nn.Conv2d) -> None:
    """Sets weight and bias to zero in place, so that the layer starts by saying nothing."""
    nn.init.zeros_(linear.weight)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)


class HeadNorms(nn.Module):
    """Normalises queries and keys per head; what the norms learn is shared by the heads.

    Dehghani et al., arXiv 2302.05442, section 2 (layer norm); Esser et al., arXiv 2403.03206, section 5.3.2 (RMS).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.hidden_size // config.num_heads
        norm = NORMS.get(config.norm, "model.norm")
        self.q = norm(width, True)
        self.k = norm(width, True)

    def forward(self, q_NHTK: Tensor, k_NHSK: Tensor) -> tuple[Tensor, Tensor]:
        """Returns queries and keys in the type they came in; the norms run in that of their weights."""
        kind = next((parameter.dtype for parameter in self.parameters()), q_NHTK.dtype)
        return self.q(q_NHTK.to(kind)).to(q_NHTK.dtype), self.k(k_NHSK.to(kind)).to(k_NHSK.dtype)


class SelfAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al., arXiv 1706.03762, section 3.2.2) with biases."""

    cost_part = "attention"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.head_norms = HeadNorms(config) if config.qk_norm else None
        bias = POSITIONS.get(config.position, "model.position").bias
        self.bias = bias(config) if bias else None
        self.proj = nn.Linear(width, width)

    def forward(self, x_NTD: Tensor, common: Common = NOTHING) -> Tensor:
        """Maps (N, T, D) to (N, T, D).

        Args:
            x_NTD: the tokens.
            common: where they are in the image, and which attention weights are dropped.
        """
        q_NHTK, k_NHTK, v_NHTK = (split_heads(part, self.heads) for part in self.qkv(x_NTD).chunk(3, dim=-1))
        if self.head_norms is not None:
            q_NHTK, k_NHTK = self.head_norms(q_NHTK, k_NHTK)
        if common.rotation_2NTR is not None:
            q_NHTK, k_NHTK = rotate(q_NHTK, common.rotation_2NTR), rotate(k_NHTK, common.rotation_2NTR)
        bias_NHTT = None
        if self.bias is not None:
            bias_NHTT = self.bias(common.offsets_NSS, x_NTD.shape[1]).to(q_NHTK.dtype)
        if common.attention_dropout is None:
            attended_NHTK = attend(q_NHTK, k_NHTK, v_NHTK, bias_NHTT)
        else:
            weights_NHTT = attention_weights(q_NHTK, k_NHTK, bias_NHTT)
            attended_NHTK = drop(weights_NHTT, common.attention_dropout).to(v_NHTK.dtype) @ v_NHTK
        out: Tensor = self.proj(merge_heads(attended_NHTK))
        return out


class CrossAttention(nn.Module):
    """Multi-head attention from image tokens to a conditioning sequence, with its own four projections."""

    cost_part = "conditioning"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_heads
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.head_norms = HeadNorms(config) if config.qk_norm else None
        self.proj = nn.Linear(width, width)

    def forward(self, x_NTD: Tensor, context_NSD: Tensor) -> Tensor:
        """Maps image tokens (N, T, D) and a context (N, S, D) to (N, T, D)."""
        q_NHTK = split_heads(self.q(x_NTD), self.heads)
        k_NHSK = split_heads(self.k(context_NSD), self.heads)
        v_NHSK = split_heads(self.v(context_NSD), self.heads)
        if self.head_norms is not None:
            q_NHTK, k_NHSK = self.head_norms(q_NHTK, k_NHSK)
        out: Tensor = self.proj(merge_heads(attend(q_NHTK, k_NHSK, v_NHSK)))
        return out


class Modulation(nn.Module):
    """Regresses ``count`` vectors of width D from the conditioning: SiLU, then one linear, once per image."""

    cost_part = "conditioning"

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.linear = nn.Linear(width, count * width)

    def forward(self, c_ND: Tensor) -> tuple[Tensor, ...]:
        """Maps (N, D) to ``count`` tensors (N, D)."""
        out_NE: Tensor = self.linear(F.silu(c_ND))
        return out_NE.chunk(self.count, dim=-1)

    def zero(self) -> None:
        """Makes every vector start at zero."""
        zero_(self.linear)

    def zero_but_gates(self, gates: tuple[int, ...], gate_init: str) -> None:
        """Makes every vector start at zero, but the gates as ``gate_init`` says.

        Args:
            gates: which of the vectors are gates.
            gate_init: a name in ``dit_core.parts.GATE_INITS``.
        """
        start = GATE_INITS.get(gate_init, "model.gate_init")
        rows = zip(self.linear.weight.data.chunk(self.count), self.linear.bias.data.chunk(self.count), strict=True)
        for index, (weight_DD, bias_D) in enumerate(rows):
            if index in gates:
                start(weight_DD, bias_D)
            else:
                nn.init.zeros_(weight_DD)
                nn.init.zeros_(bias_D)


def attention_weights(q_NHTK: Tensor, k_NHTK: Tensor, bias_NHTT: Tensor | None = None) -> Tensor:
    """Returns what ``scaled_dot_product_attention`` weighs values with, (N, H, T, T) that sum to one in every row."""
    scores_NHTT = q_NHTK @ k_NHTK.transpose(-1, -2) / q_NHTK.shape[-1] ** 0.5
    biased_NHTT: Tensor = scores_NHTT if bias_NHTT is None else scores_NHTT + bias_NHTT
    return biased_NHTT.softmax(-1)


def split_heads(x_NTD: Tensor, heads: int) -> Tensor:
    """Returns (N, H, T, K) of (N, T, D = H K)."""
    count, tokens, width = x_NTD.shape
    return x_NTD.reshape(count, tokens, heads, width // heads).transpose(1, 2)


def merge_heads(x_NHTK: Tensor) -> Tensor:
    """Returns (N, T, D = H K) of (N, H, T, K)."""
    return x_NHTK.transpose(1, 2).flatten(2)


def context(t_ND: Tensor, y_ND: Tensor) -> Tensor:
    """Returns the two-token conditioning sequence [t, c], (N, 2, D)."""
    return torch.stack((t_ND, y_ND), dim=1)
