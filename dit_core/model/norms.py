"""Norms by name. To add one: a function from a width to a module, and one line in ``dit_core.parts``.

A norm looks at one image at a time. Batch norm does not: what it makes of an image would depend on the other images of
the step and on their noise levels, so a step would be no sum over its images any more, nor sampling what was trained.

Shape legend: N images, T tokens, D token width.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor, nn

NORM_EPS = 1e-6
GROUPS = 32

Norm = Callable[[int, bool], nn.Module]
"""Takes the width of the last dimension and whether scale (and shift) are learned; they start at one (and zero)."""


def layernorm(width: int, affine: bool) -> nn.Module:
    """Returns a layer norm (Ba et al., arXiv 1607.06450)."""
    return nn.LayerNorm(width, eps=NORM_EPS, elementwise_affine=affine)


def rmsnorm(width: int, affine: bool) -> nn.Module:
    """Returns a root-mean-square norm (Zhang & Sennrich, arXiv 1910.07467): no mean is taken out, no shift learned."""
    return nn.RMSNorm(width, eps=NORM_EPS, elementwise_affine=affine)


def groupnorm(width: int, affine: bool) -> nn.Module:
    """Returns a group norm (Wu & He, arXiv 1803.08494): 32 groups, or as many of those as divide the width."""
    return TokenGroupNorm(math.gcd(GROUPS, width), width, eps=NORM_EPS, affine=affine)


class TokenGroupNorm(nn.GroupNorm):
    """Normalises each group of channels over all tokens of a sequence, as convolutional networks do over all pixels."""

    def forward(self, x_NTD: Tensor) -> Tensor:
        """Maps (N, T, D) to (N, T, D)."""
        return super().forward(x_NTD.transpose(1, 2)).transpose(1, 2)
