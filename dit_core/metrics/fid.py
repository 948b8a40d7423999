"""``fid``: the Inception-v3 FID of the literature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dit_core.data.base import ImageDataset
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.inception import DIMS, check_images, load_inception
from dit_core.metrics.frechet_metric import FrechetMetric

if TYPE_CHECKING:
    from dit_core.config import TrialConfig


class FID(FrechetMetric):
    """Heusel et al., arXiv 1706.08500, in the 2048 pooled features of ``dit_core.metrics.features.inception``.

    Values equal torch-fidelity's for the same images and weights, and torchmetrics' for more images than features. The
    class of torchmetrics, ``torchmetrics.image.fid.FrechetInceptionDistance``, can be named in a study. It is not what
    computes ``fid``: where a covariance is singular, its eigenvalues of a product that is not symmetric leave an error
    of about 4e-7 of the features' variance, so that real images are -4e-4 from themselves; and it takes real images
    only, not the mean and covariance that are kept of them or come in a file.
    """

    name = "fid"
    feature = "pool"
    dim = DIMS["pool"]

    @classmethod
    def load(cls, config: TrialConfig, device: torch.device) -> Extractor:
        return load_inception(config.evaluation.inception_weights, device, cls.name)

    @classmethod
    def check_images(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        check_images(cls.name, dataset)
