"""The layers that blocks and decoders are made of.

Shape legend: N images, T tokens, S context tokens, D token width, H heads, K head width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-6


def plain_norm(width: int) -> nn.LayerNorm:
    """Returns a LayerNorm without parameters, to be modulated."""
    return nn.LayerNorm(width, eps=NORM_EPS, elementwise_affine=False)


def affine_norm(width: int) -> nn.LayerNorm:
    """Returns a LayerNorm with a learned scale and shift."""
    return nn.LayerNorm(width, eps=NORM_EPS)


def modulate(x_NTD: Tensor, shift_ND: Tensor, scale_ND: Tensor) -> Tensor:
    """Scales and shifts every token of an image alike; zeros leave the tokens as they are."""
    return x_NTD * (1 + scale_ND.unsqueeze(1)) + shift_ND.unsqueeze(1)


def zero_(linear: nn.Linear | nn.Conv2d) -> None:
    """Sets weight and bias to zero in place, so that the layer starts by saying nothing."""
    nn.init.zeros_(linear.weight)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)


class SelfAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al., arXiv 1706.03762, section 3.2.2) with biases."""

    cost_part = "attention"

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x_NTD: Tensor) -> Tensor:
        """Maps (N, T, D) to (N, T, D)."""
        q_NHTK, k_NHTK, v_NHTK = (split_heads(part, self.heads) for part in self.qkv(x_NTD).chunk(3, dim=-1))
        out: Tensor = self.proj(merge_heads(F.scaled_dot_product_attention(q_NHTK, k_NHTK, v_NHTK)))
        return out


class CrossAttention(nn.Module):
    """Multi-head attention from image tokens to a conditioning sequence, with its own four projections."""

    cost_part = "conditioning"

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(self, x_NTD: Tensor, context_NSD: Tensor) -> Tensor:
        """Maps image tokens (N, T, D) and a context (N, S, D) to (N, T, D)."""
        q_NHTK = split_heads(self.q(x_NTD), self.heads)
        k_NHSK = split_heads(self.k(context_NSD), self.heads)
        v_NHSK = split_heads(self.v(context_NSD), self.heads)
        out: Tensor = self.proj(merge_heads(F.scaled_dot_product_attention(q_NHTK, k_NHSK, v_NHSK)))
        return out


class Mlp(nn.Module):
    """A block's pointwise network: linear, tanh-approximated GELU, linear."""

    cost_part = "mlp"

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x_NTD: Tensor) -> Tensor:
        """Maps (N, T, D) to (N, T, D)."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x_NTD), approximate="tanh"))
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
