"""``fd_digits_cnn``: the Fréchet distance in the features of a small classifier of digits."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import torch

from dit_core.data.base import ImageDataset
from dit_core.errors import UserError
from dit_core.metrics.features.cnn_features import CNNFeatures
from dit_core.metrics.features.digits_cnn import load_digits_cnn
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.small_cnn import FEATURES
from dit_core.metrics.frechet_metric import FrechetMetric

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

SHAPE = (1, 8, 8)


class DigitsFeatures(CNNFeatures):
    """The features of the committed network; the digits' statistics are computed faster than they are read."""

    on_disk = False
    chunk = 1 << 20


@functools.cache
def load_digits_features(device: torch.device) -> DigitsFeatures:
    """Returns the extractor on ``device``; cached per process."""
    network, told = load_digits_cnn(device)
    about = {
        "features": "dit_core/metrics/digits_cnn.safetensors",
        "classifier_test_accuracy": float(told["test_accuracy"]),
        "classifier_split": told["split"],
    }
    return DigitsFeatures(network, "digits_cnn", about, device)


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
                f"{height}x{width} images with {channels} channel{'s' if channels > 1 else ''}; "
                "`dit-ablate init FOLDER` writes a study with a metric for them"
            )
        for setting in ("reference_images", "reference_statistics"):
            given = getattr(config.evaluation, setting)
            if given is not None:
                raise UserError(
                    f"evaluation.{setting}: {given!r} given, but {cls.name} compares with the training images only"
                )
