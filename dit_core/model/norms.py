"""Norms by name. To add one: a function from a width to a module, and one line in ``dit_core.parts``."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

NORM_EPS = 1e-6

Norm = Callable[[int, bool], nn.Module]
"""Takes the width of the last dimension and whether scale (and shift) are learned; they start at one (and zero)."""


def layernorm(width: int, affine: bool) -> nn.Module:
    """Returns a layer norm (Ba et al., arXiv 1607.06450)."""
    return nn.LayerNorm(width, eps=NORM_EPS, elementwise_affine=affine)


def rmsnorm(width: int, affine: bool) -> nn.Module:
    """Returns a root-mean-square norm (Zhang & Sennrich, arXiv 1910.07467): no mean is taken out, no shift learned."""
    return nn.RMSNorm(width, eps=NORM_EPS, elementwise_affine=affine)
