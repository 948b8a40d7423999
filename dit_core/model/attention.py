"""Attention through a fused kernel, whatever the width of a head.

Shape legend: N images, H heads, T tokens, S context tokens, K head width.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

MULTIPLE = 8
"""Head widths that every fused kernel of a GPU takes in 16 and in 32 bits are multiples of this."""


def attend(q_NHTK: Tensor, k_NHSK: Tensor, v_NHSK: Tensor, bias_NHTS: Tensor | None = None) -> Tensor:
    """Returns the values weighed by the softmax of the scores (Vaswani et al., arXiv 1706.03762, eq. 1), (N, H, T, K).

    A GPU's fused kernels refuse some head widths (18 in float32, say), and PyTorch then writes all scores out without a
    word. Such heads are widened by zeros there, which change no score and add values that are cut off again.

    Args:
        q_NHTK: queries.
        k_NHSK: keys.
        v_NHSK: values.
        bias_NHTS: what is added to the scores, in the queries' type.
    """
    if q_NHTK.device.type == "cuda" and q_NHTK.shape[-1] % MULTIPLE:
        return widened(q_NHTK, k_NHSK, v_NHSK, bias_NHTS)
    return F.scaled_dot_product_attention(q_NHTK, k_NHSK, v_NHSK, attn_mask=bias_NHTS)


def widened(q_NHTK: Tensor, k_NHSK: Tensor, v_NHSK: Tensor, bias_NHTS: Tensor | None = None) -> Tensor:
    """As ``attend``, through heads of the next width that every fused kernel takes."""
    width = q_NHTK.shape[-1]
    missing = -width % MULTIPLE
    q, k, v = (F.pad(part, (0, missing)) for part in (q_NHTK, k_NHSK, v_NHSK))
    wide: Tensor = F.scaled_dot_product_attention(q, k, v, attn_mask=bias_NHTS, scale=width**-0.5)
    return wide[..., :width]
