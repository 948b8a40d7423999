"""The Inception-v3 of the literature: pooled features, a spatial map and class scores from one pass."""

from __future__ import annotations

import contextlib
import functools
import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.errors import UserError
from dit_core.extras import require
from dit_core.metrics.features.extractor import Extractor, rgb, weights_hash
from dit_core.paths import expanded

SETTING = "evaluation.inception_weights"
SPATIAL_CHANNELS, SPATIAL_SIDE = 7, 17
DIMS = {"pool": 2048, "spatial": SPATIAL_CHANNELS * SPATIAL_SIDE**2, "logits": 1008}


class Inception(Extractor):
    """torch-fidelity's port of the TensorFlow network of 2015-12-05 that FID was defined with.

    - ``pool``: the 2048 pooled features (FID, KID, precision, recall).
    - ``spatial``: the first 7 channels of the 17 x 17 map ``mixed_6/conv``, 2023 numbers in the order row, column,
      channel as the ADM evaluator flattens them (sFID). In the port, ``mixed_6/conv`` is the 1x1 branch of ``Mixed_6d``
      after its ReLU.
    - ``logits``: 1008 class scores without the bias (Inception score).

    Images are resized to 299 x 299 the way TensorFlow 1 does: bilinear, corners not aligned, no antialiasing.
    """

    moments = ("pool", "spatial")
    subset_of = "pool"
    file_keys: ClassVar[Mapping[str, tuple[str, str]]] = {"pool": ("mu", "sigma"), "spatial": ("mu_s", "sigma_s")}

    def __init__(self, network: Any, source: str, device: torch.device) -> None:
        super().__init__(device)
        self._network = network.to(device).eval().requires_grad_(False)
        self._source = source
        self.dims = DIMS
        self._spatial: list[Tensor] = []
        network.Mixed_6d.branch1x1.register_forward_hook(lambda _module, _inputs, map: self._spatial.append(map))
        self.key = f"inception-v3 {weights_hash(network)}, bilinear 299 as in TensorFlow 1"

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        self._spatial.clear()
        pool, logits = self._network(rgb(images))
        spatial = self._spatial.pop()[:, :SPATIAL_CHANNELS].permute(0, 2, 3, 1).flatten(1)
        return {"pool": pool, "spatial": spatial, "logits": logits}

    def about(self, feature: str) -> dict[str, Any]:
        which = {"pool": "pool", "spatial": "mixed_6/conv, first 7 channels", "logits": "logits without bias"}[feature]
        return {
            "features": f"Inception-v3 {which} (torch-fidelity port of the TensorFlow network)",
            "weights": self._source,
        }


def check_images(metric: str, dataset: ImageDataset) -> None:
    """Checks that a network for RGB images can look at a data set's images.

    Raises:
        UserError: naming the metric that cannot be used.
    """
    channels = dataset.image_shape[0]
    if channels not in (1, 3):
        raise UserError(f"evaluation.metrics: {metric} scores grey or RGB images, not {channels} channels")


def load_inception(weights: str | None, device: torch.device, metric: str = "fid") -> Inception:
    """Returns the network on ``device``; cached per process.

    Args:
        weights: local path of torch-fidelity's state dict; None downloads it, or finds it in torch's hub cache.
        device: where it runs.
        metric: who asks, for the error.

    Raises:
        UserError: when the weights cannot be loaded, with what to do.
    """
    require("torch_fidelity", f"evaluation.metrics: {metric}")
    try:
        return _load(weights, device)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        if isinstance(error, UserError):
            raise
        raise _not_loaded(weights, error, metric) from None


@functools.cache
def _load(weights: str | None, device: torch.device) -> Inception:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = None if weights is None else str(_verified(weights))
    with contextlib.redirect_stderr(io.StringIO()):
        network = FeatureExtractorInceptionV3(
            "inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=path
        )
    return Inception(network, "torch-fidelity" if weights is None else Path(weights).name, device)


def _verified(weights: str) -> Path:
    """Returns the path after making sure that it is a plain file of tensors (no code in a pickle)."""
    path = expanded(weights, SETTING)
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


def _not_loaded(weights: str | None, error: Exception, metric: str = "") -> UserError:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    if weights is None:
        return UserError(
            f"evaluation.metrics: {metric} needs Inception-v3 weights and they cannot be downloaded ({reason}); "
            f"download {URL_INCEPTION_V3} elsewhere and give its local path as {SETTING}"
        )
    return UserError(
        f"{SETTING}: {weights!r} does not hold torch-fidelity's Inception-v3 weights ({reason}); the file to download "
        f"is {URL_INCEPTION_V3}"
    )
