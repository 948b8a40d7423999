"""Scores of generated images."""

from __future__ import annotations

from dit_core.metrics.base import Metric
from dit_core.metrics.fd_digits_cnn import DigitsCNNDistance
from dit_core.metrics.fd_dinov2 import DINOv2Distance
from dit_core.metrics.fid import FID
from dit_core.metrics.fid_infinity import FIDInfinity
from dit_core.metrics.inception_score import InceptionScore
from dit_core.metrics.kid import KID
from dit_core.metrics.precision import Precision
from dit_core.metrics.recall import Recall
from dit_core.metrics.sfid import SpatialFID
from dit_core.registry import Registry

METRICS: Registry[type[Metric]] = Registry(
    "metric",
    {
        "fd_digits_cnn": DigitsCNNDistance,
        "fid": FID,
        "sfid": SpatialFID,
        "inception_score": InceptionScore,
        "precision": Precision,
        "recall": Recall,
        "kid": KID,
        "fd_dinov2": DINOv2Distance,
        "fid_infinity": FIDInfinity,
    },
)
"""Every metric by name. Adding one is one file with a ``Metric`` and one line here."""

__all__ = ["METRICS", "Metric"]
