"""``recall``: the share of the real images that the generated ones look like."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from dit_core.metrics.neighbours import radii, share_inside
from dit_core.metrics.precision import NEIGHBOUR, Precision


class Recall(Precision):
    """Kynkäänniemi et al., arXiv 1904.06991: ``precision`` with the two sets exchanged.

    It is ADM's recall for up to ``features.subset.SUBSET_SIZE`` samples. Of more, ADM's evaluator
    (``evaluations/evaluator.py``, ``compute_prec_recall``) builds its balls around all of them, 50,000 in the papers,
    which makes the balls smaller and the recall another; here they are around 10,000 of them, as many as ADM's
    reference files hold images. Its precision asks each of all samples, ours each of the 10,000: the same quantity with
    more noise. ADM also computes distances in float16 where they are finite, we in float64.
    """

    name = "recall"

    def compare(self, generated: Tensor, real: Tensor) -> tuple[float, dict[str, Any]]:
        return share_inside(real, generated, radii(generated, NEIGHBOUR)), {"neighbour": NEIGHBOUR}
