"""``recall``: the share of the real images that the generated ones look like."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from dit_core.metrics.neighbours import radii, share_inside
from dit_core.metrics.precision import NEIGHBOUR, Precision


class Recall(Precision):
    """Kynkäänniemi et al., arXiv 1904.06991: ``precision`` with the two sets exchanged."""

    name = "recall"

    def compare(self, generated: Tensor, real: Tensor) -> tuple[float, dict[str, Any]]:
        return share_inside(real, generated, radii(generated, NEIGHBOUR)), {"neighbour": NEIGHBOUR}
