"""DINOv2 (Oquab et al., arXiv 2304.07193), whose features agree better with people than Inception-v3's."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from dit_core.errors import UserError
from dit_core.extras import require
from dit_core.metrics.features.extractor import Extractor, rgb, weights_hash

SETTING = "evaluation.dinov2_weights"
SIDE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class DINOv2(Extractor):
    """The normalised class token of a DINOv2 network in transformers' layout.

    As in dgm-eval, the code of Stein et al.: images are resized to 224 x 224, bicubic with antialiasing and rounded to
    8 bits as Pillow does, then normalised with ImageNet's mean and standard deviation.
    """

    moments = ("cls",)
    file_keys: ClassVar[Mapping[str, tuple[str, str]]] = {"cls": ("mu", "sigma")}

    def __init__(self, network: Any, source: str, device: torch.device) -> None:
        super().__init__(device)
        self._network = network.to(device=device, dtype=torch.float32).eval().requires_grad_(False)
        self._source = source
        self.dims = {"cls": network.config.hidden_size}
        self.key = f"dinov2 {weights_hash(network)}, bicubic {SIDE} antialiased"

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        pixels = resize(rgb(images)) / 255
        mean, std = (torch.tensor(value, device=pixels.device)[:, None, None] for value in (MEAN, STD))
        return {"cls": self._network(pixel_values=(pixels - mean) / std).last_hidden_state[:, 0]}

    def about(self, feature: str) -> dict[str, Any]:
        return {"features": "DINOv2 class token", "weights": self._source}


def resize(images: Tensor) -> Tensor:
    """Resizes uint8 (N, C, H, W) to 224 x 224, bicubic with antialiasing; returns whole floats 0 .. 255.

    Rows first, then columns, rounded to 8 bits after each, as Pillow resizes square images.
    """
    x = images.float()
    for size in ((images.shape[-2], SIDE), (SIDE, SIDE)):
        x = functional.interpolate(x, size, mode="bicubic", align_corners=False, antialias=True).round().clamp(0, 255)
    return x


@functools.cache
def load_dinov2(source: str, device: torch.device) -> DINOv2:
    """Returns the network on ``device``; cached per process. Weights are read from safetensors only.

    Args:
        source: hub name or local folder in transformers' layout.
        device: where it runs.

    Raises:
        UserError: when it cannot be loaded, with what to do.
    """
    require("transformers", "evaluation.metrics: fd_dinov2")
    from transformers import AutoConfig, Dinov2Model

    try:
        config = AutoConfig.from_pretrained(source)
        if config.model_type != "dinov2":
            raise UserError(f"{SETTING}: {source!r} is a {config.model_type!r} network, expected is 'dinov2'")
        if config.num_channels != 3:
            raise UserError(f"{SETTING}: {source!r} looks at {config.num_channels} channels, expected are 3")
        network, loading = Dinov2Model.from_pretrained(
            source, config=config, use_safetensors=True, output_loading_info=True
        )
    except UserError:
        raise
    except Exception as error:  # the hub client and transformers raise many types; all mean that it cannot be loaded
        raise UserError(
            f"{SETTING}: no DINOv2 network can be loaded from {source!r} ({_first(error)}); give a local folder in "
            f"transformers' layout with safetensors, or a hub name that this machine can reach or has cached"
        ) from None
    missing = sorted(loading["missing_keys"])
    if missing:
        raise UserError(f"{SETTING}: {source!r} lacks {len(missing)} of the network's weights, such as {missing[0]}")
    return DINOv2(network, source, device)


def _first(error: BaseException) -> str:
    """Returns the first error of a chain, in one line: the outer ones say little about why."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text if len(text) <= 200 else text[:197] + '...'}"
