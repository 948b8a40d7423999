"""The features of a small network as metrics take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.small_cnn import FEATURES, SmallCNN


class CNNFeatures(Extractor):
    """The 48 features of a ``SmallCNN``.

    Args:
        network: the network, on ``device``.
        key: identifies it.
        about: what a reader must know about it.
        device: where it computes.
    """

    moments = ("features",)
    subset_of = "features"
    chunk = 1024

    def __init__(self, network: SmallCNN, key: str, about: Mapping[str, Any], device: torch.device) -> None:
        super().__init__(device)
        self.dims, self.key = {"features": FEATURES}, key
        self.network, self._about = network, dict(about)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"features": self.network.features(images)}

    def about(self, feature: str) -> dict[str, Any]:
        return dict(self._about)
