"""``fd_<data>_cnn``: the Fréchet distance in features of a small network trained on the data's own training split."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import torch

from dit_core.data.base import ImageDataset
from dit_core.errors import UserError
from dit_core.metrics.features.data_cnn import load_network
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.small_cnn import FEATURES, LARGEST
from dit_core.metrics.frechet_metric import FrechetMetric

if TYPE_CHECKING:
    from dit_core.config import TrialConfig


class DataCNNDistance(FrechetMetric):
    """Compares images in the 48 features of the network that ``evaluation.feature_network`` names.

    Comparable only with itself: with distances in the same network. It needs no download.
    """

    name = "fd_data_cnn"
    feature = "features"
    dim = FEATURES

    @classmethod
    @functools.cache
    def named(cls, name: str) -> type[DataCNNDistance]:
        """Returns the metric under the name that a study gives it, e.g. ``fd_shapes_cnn``."""
        return type(cls.__name__, (cls,), {"name": name})

    @classmethod
    def load(cls, config: TrialConfig, device: torch.device) -> Extractor:
        return load_network(cls._network(config), device)

    @classmethod
    def check_images(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        network = load_network(cls._network(config), torch.device("cpu")).network
        channels, height, width = dataset.image_shape
        if (channels, min(height, LARGEST)) != (network.channels, network.side):
            raise UserError(
                f"evaluation.feature_network: it looks at {network.side}x{network.side} images with {network.channels} "
                f"channels, but the data set {dataset.name!r} has {height}x{width} images with {channels}; "
                "`dit-ablate init` trains one for them"
            )

    @classmethod
    def _network(cls, config: TrialConfig) -> str:
        name = config.evaluation.feature_network
        if name is None:
            raise UserError(
                f"evaluation.feature_network: missing, and {cls.name} compares the features of that network; "
                "`dit-ablate init FOLDER` trains one on the images and names it in the study"
            )
        return name
