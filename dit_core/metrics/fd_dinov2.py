"""``fd_dinov2``: the Fréchet distance in DINOv2 features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dit_core.data.base import ImageDataset
from dit_core.metrics.features.dinov2 import load_dinov2
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.inception import check_images
from dit_core.metrics.frechet_metric import FrechetMetric

if TYPE_CHECKING:
    from dit_core.config import TrialConfig


class DINOv2Distance(FrechetMetric):
    """Stein et al., arXiv 2306.04675, with the network of ``evaluation.dinov2_weights`` (theirs is ViT-L/14)."""

    name = "fd_dinov2"
    feature = "cls"

    @classmethod
    def load(cls, config: TrialConfig, device: torch.device) -> Extractor:
        return load_dinov2(config.evaluation.dinov2_weights, device)

    @classmethod
    def check_images(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        check_images(cls.name, dataset)
