"""``sfid``: the FID of features that still know where in the image they are."""

from __future__ import annotations

from dit_core.metrics.features.inception import DIMS
from dit_core.metrics.fid import FID


class SpatialFID(FID):
    """Nash et al., arXiv 2103.03841: the Fréchet distance in the first 7 channels of a 17 x 17 map of Inception-v3.

    The map is ``mixed_6/conv`` as in ADM's evaluator; see ``dit_core.metrics.features.inception``.
    """

    name = "sfid"
    feature = "spatial"
    dim = DIMS["spatial"]
