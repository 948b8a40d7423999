"""``fid``: the Inception-v3 FID of the literature."""

from __future__ import annotations

import contextlib
import functools
import io
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.errors import UserError
from dit_core.metrics.frechet_metric import FrechetMetric, check_counts

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

FEATURES = 2048
SETTING = "evaluation.inception_weights"


class FID(FrechetMetric):
    """Heusel et al., arXiv 1706.08500, in the 2048 pooled features of the original TensorFlow Inception-v3.

    torchmetrics' ``FrechetInceptionDistance`` supplies the network, with torch-fidelity's port of the weights and of
    TensorFlow 1's resizing (no antialiasing), so that values equal torch-fidelity's. Grey images are repeated to three
    channels.
    """

    name = "fid"
    layer: ClassVar[int] = FEATURES
    """Width of the network's layer that is compared; only 2048 is the FID of the literature."""

    @classmethod
    def check(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        if dataset.image_shape[0] not in (1, 3):
            raise UserError(f"evaluation.metrics: fid scores grey or RGB images, not {dataset.image_shape[0]} channels")
        check_counts(cls.name, cls.layer, config, dataset)
        load_inception(_source(config), torch.device("cpu"), cls.layer)

    @property
    def dim(self) -> int:
        return self.layer

    @property
    def features_key(self) -> str:
        return f"{self.name}:{self.layer}:{_source(self.config)}"

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        if images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        features: Tensor = load_inception(_source(self.config), self.device, self.layer)(images)
        return features.view(len(images), self.layer)

    def about_features(self) -> dict[str, Any]:
        weights = self.config.evaluation.inception_weights
        return {
            "features": "Inception-v3 pool (torch-fidelity port of the TensorFlow network)",
            "weights": "torch-fidelity" if weights is None else Path(weights).name,
        }


def _source(config: TrialConfig) -> str | None:
    return config.evaluation.inception_weights


@functools.cache
def load_inception(weights: str | None, device: torch.device, layer: int = FEATURES) -> Any:
    """Returns torchmetrics' Inception-v3 feature extractor on ``device``; cached per process.

    Args:
        weights: local path of torch-fidelity's state dict; None downloads it, or finds it in torch's hub cache.
        device: where it runs.
        layer: width of the layer whose features it returns.

    Raises:
        UserError: when the weights cannot be loaded, with what to do.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    path = None if weights is None else str(_verified(weights))
    chatter = io.StringIO()
    try:
        with contextlib.redirect_stderr(chatter):
            network = FrechetInceptionDistance(
                feature=layer, feature_extractor_weights_path=path, antialias=False
            ).inception
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise _not_loaded(weights, error) from None
    return network.to(device).eval().requires_grad_(False)


def _verified(weights: str) -> Path:
    """Returns the path after making sure that it is a plain file of tensors (no code in a pickle)."""
    path = Path(weights).expanduser()
    if not path.exists():
        raise UserError(f"{SETTING}: {weights!r} does not exist")
    if not path.is_file():
        raise UserError(f"{SETTING}: {weights!r} is not a file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader raises nearly any type on a file that is not one of its own
        raise _not_loaded(weights, error) from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{SETTING}: {weights!r} holds no state dict of tensors")
    return path


def _not_loaded(weights: str | None, error: Exception) -> UserError:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    if weights is None:
        return UserError(
            f"evaluation.metrics: fid needs Inception-v3 weights and they cannot be downloaded ({reason}); download "
            f"{URL_INCEPTION_V3} elsewhere and give its local path as {SETTING}"
        )
    return UserError(
        f"{SETTING}: {weights!r} does not hold torch-fidelity's Inception-v3 weights ({reason}); the file to download "
        f"is {URL_INCEPTION_V3}"
    )
