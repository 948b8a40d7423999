"""Scores of generated images."""

from __future__ import annotations

from dit_core.metrics.base import Metric
from dit_core.metrics.fd_digits_cnn import DigitsCNNDistance
from dit_core.metrics.fid import FID
from dit_core.registry import Registry

METRICS: Registry[type[Metric]] = Registry("metric", {"fd_digits_cnn": DigitsCNNDistance, "fid": FID})
"""Every metric by name. Adding one is one file with a ``Metric`` and one line here."""

__all__ = ["METRICS", "Metric"]
