"""``kid``: an unbiased distance of Inception-v3 features, with its standard error."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from dit_core.metrics.compared import too_few
from dit_core.metrics.reference.statistics import Statistics
from dit_core.metrics.subset_metric import SubsetMetric

BLOCK = 1000
"""Feature vectors of each set per block, as in the paper's released code and torch-fidelity."""
BLOCKS = 10
"""Blocks there are at least: sets of fewer than 10 000 are cut into smaller blocks."""


class KID(SubsetMetric):
    """Bińkowski et al., arXiv 1801.01401: the squared maximum mean discrepancy, kernel (x.y / D + 1)^3.

    The unbiased estimate (eq. 4 there) is computed in disjoint blocks and averaged. Its expectation does not depend on
    the size of the blocks, so values compare with those of other tools, whose blocks are random and overlap. Disjoint
    blocks are independent, which makes their standard deviation over the root of their number a standard error. It
    may come out below zero.

    ``torchmetrics.image.kid.KernelInceptionDistance`` keeps the features of every image, generated and real, and draws
    overlapping subsets by torch's global generator: another value at each call, and no standard error.
    """

    name = "kid"

    @classmethod
    def check_counts(cls, dim: int, samples: int, images: int | None, where: str) -> None:
        too_few(cls.name, samples, images, where, 2 * BLOCKS, f"compares {BLOCKS} blocks of at least 2")

    def known(self, real: Statistics) -> Tensor | None:
        return real.subset if real.subset is not None and len(real.subset) > 1 else None

    def compare(self, generated: Tensor, real: Tensor) -> tuple[float, dict[str, Any]]:
        count = min(len(generated), len(real))
        if count < 2:
            raise ValueError(f"{self.name}: {len(generated)} samples and {len(real)} reference images; 2 are needed")
        size = max(2, min(BLOCK, count // BLOCKS))
        blocks = [
            polynomial_mmd(generated[start : start + size], real[start : start + size])
            for start in range(0, count - size + 1, size)
        ]
        mean = math.fsum(blocks) / len(blocks)
        about: dict[str, Any] = {"blocks": len(blocks), "block_size": size}
        if len(blocks) > 1:
            variance = math.fsum((block - mean) ** 2 for block in blocks) / (len(blocks) - 1)
            about["standard_error"] = math.sqrt(variance / len(blocks))
        return mean, about


def polynomial_mmd(x: Tensor, y: Tensor) -> float:
    """Returns the unbiased squared maximum mean discrepancy of (N, D) and (M, D) under the kernel (x.y / D + 1)^3."""
    x, y = x.double(), y.double()

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a: Tensor) -> Tensor:
        k = kernel(a, a)
        return (k.sum() - k.diagonal().sum()) / (len(a) * (len(a) - 1))

    return float(within(x) + within(y) - 2 * kernel(x, y).mean())
