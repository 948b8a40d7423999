"""``fd_digits_cnn``: the Fréchet distance in the features of a small classifier of digits."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.errors import UserError
from dit_core.metrics.features.digits_cnn import FEATURES, load_digits_cnn
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.frechet_metric import FrechetMetric

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

SHAPE = (1, 8, 8)


class DigitsFeatures(Extractor):
    """The 48 features of ``dit_core.metrics.features.digits_cnn``."""

    moments = ("features",)
    on_disk = False
    chunk = 1 << 20
    key = "digits_cnn"

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.dims = {"features": FEATURES}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        model, _ = load_digits_cnn(self.device)
        return {"features": model.features(images)}

    def about(self, feature: str) -> dict[str, Any]:
        _, about = load_digits_cnn(self.device)
        return {
            "features": "dit_core/metrics/digits_cnn.safetensors",
            "classifier_test_accuracy": float(about["test_accuracy"]),
            "classifier_split": about["split"],
        }


@functools.cache
def load_digits_features(device: torch.device) -> DigitsFeatures:
    """Returns the extractor on ``device``; cached per process."""
    return DigitsFeatures(device)


class DigitsCNNDistance(FrechetMetric):
    """Compares grey 8x8 digits in the 48 features of ``features.digits_cnn``. Not comparable with any FID."""

    name = "fd_digits_cnn"
    feature = "features"
    dim = FEATURES

    @classmethod
    def load(cls, config: TrialConfig, device: torch.device) -> Extractor:
        return load_digits_features(device)

    @classmethod
    def check_images(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        if dataset.image_shape != SHAPE:
            channels, height, width = dataset.image_shape
            raise UserError(
                f"evaluation.metrics: {cls.name} scores grey 8x8 digits, but the data set {dataset.name!r} has "
                f"{height}x{width} images with {channels} channel{'s' if channels > 1 else ''}; use fid"
            )
        for setting in ("reference_images", "reference_statistics"):
            given = getattr(config.evaluation, setting)
            if given is not None:
                raise UserError(
                    f"evaluation.{setting}: {given!r} given, but {cls.name} compares with the training images only"
                )
