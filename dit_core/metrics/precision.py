"""``precision``: the share of the generated images that look like real ones."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from dit_core.metrics.compared import too_few
from dit_core.metrics.neighbours import radii, share_inside
from dit_core.metrics.reference.statistics import Statistics
from dit_core.metrics.subset_metric import SubsetMetric

NEIGHBOUR = 3
"""The ball around a feature vector reaches to this neighbour, as in the paper and in ADM's evaluator."""


class Precision(SubsetMetric):
    """Kynkäänniemi et al., arXiv 1904.06991, in pooled Inception-v3 features as ADM's evaluator computes it.

    The share of the generated feature vectors that lie in a ball around a real one that reaches to its third nearest
    real neighbour. The value depends on how many of each are compared: only equal numbers compare.
    """

    name = "precision"
    least = NEIGHBOUR + 1

    @classmethod
    def check_counts(cls, dim: int, samples: int, images: int | None, where: str) -> None:
        too_few(cls.name, samples, images, where, NEIGHBOUR + 1, f"looks at {NEIGHBOUR} neighbours")

    def known(self, real: Statistics) -> Tensor | None:
        return real.subset if real.subset is not None and len(real.subset) > NEIGHBOUR else None

    def compare(self, generated: Tensor, real: Tensor) -> tuple[float, dict[str, Any]]:
        return share_inside(generated, real, radii(real, NEIGHBOUR)), {"neighbour": NEIGHBOUR}
