"""``fd_digits_cnn``: the Fréchet distance in the features of a small classifier of digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.errors import UserError
from dit_core.metrics.digits_cnn import FEATURES, load_digits_cnn
from dit_core.metrics.frechet_metric import FrechetMetric, check_counts

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

SHAPE = (1, 8, 8)


class DigitsCNNDistance(FrechetMetric):
    """Compares grey 8x8 digits in the 48 features of ``dit_core.metrics.digits_cnn``. Not comparable with any FID."""

    name = "fd_digits_cnn"

    @classmethod
    def check(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        if dataset.image_shape != SHAPE:
            channels, height, width = dataset.image_shape
            raise UserError(
                f"evaluation.metrics: {cls.name} scores grey 8x8 digits, but the data set {dataset.name!r} has "
                f"{height}x{width} images with {channels} channel{'s' if channels > 1 else ''}; use fid"
            )
        if config.evaluation.reference_images is not None:
            raise UserError(
                f"evaluation.reference_images: {config.evaluation.reference_images!r} given, but {cls.name} compares "
                f"with the training images only"
            )
        check_counts(cls.name, FEATURES, config, dataset)

    @property
    def dim(self) -> int:
        return FEATURES

    @property
    def features_key(self) -> str:
        return self.name

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        model, _ = load_digits_cnn(self.device)
        return model.features(images)

    def about_features(self) -> dict[str, Any]:
        _, about = load_digits_cnn(self.device)
        return {
            "features": "dit_core/metrics/digits_cnn.safetensors",
            "classifier_test_accuracy": float(about["test_accuracy"]),
            "classifier_split": about["split"],
        }
