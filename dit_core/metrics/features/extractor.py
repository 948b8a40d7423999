"""Networks whose features metrics compare: one pass per batch serves every metric of an evaluation."""

from __future__ import annotations

import contextlib
import hashlib
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class Extractor(ABC):
    """Turns images into named feature vectors. Loaded once per process and device by the function next to a subclass.

    The features of the last batch are remembered for as long as its tensor lives, so that several metrics that are
    given the same tensor share one pass. Such a tensor must not be changed in place in between.

    Attributes:
        dims: features by name and how many numbers each has.
        key: identifies network, weights (by their bytes) and preprocessing, on any machine.
        moments: names of the features of which reference statistics keep mean and covariance.
        subset_of: name of the features of which they keep a bounded number themselves; None keeps none.
        file_keys: feature -> names of its mean and covariance in a ``.npz`` file of reference statistics.
        on_disk: reference statistics are worth keeping on disk.
        chunk: images per pass.
    """

    moments: ClassVar[tuple[str, ...]]
    subset_of: ClassVar[str | None] = None
    file_keys: ClassVar[Mapping[str, tuple[str, str]]] = {}
    on_disk: ClassVar[bool] = True
    chunk: ClassVar[int] = 64
    dims: Mapping[str, int]
    key: str

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._last: tuple[weakref.ref[Tensor], dict[str, Tensor]] | None = None

    @abstractmethod
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Returns every feature, (N, D) float, of images, uint8 (N, C, H, W) on ``self.device``."""

    @abstractmethod
    def about(self, feature: str) -> dict[str, Any]:
        """Returns what a reader must know about a feature, as plain JSON values."""

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Returns every feature, (N, D) float, of images, uint8 (N, C, H, W) on any device."""
        if self._last is not None and self._last[0]() is images:
            return self._last[1]
        with torch.no_grad(), full_float32():
            parts = [self.forward(part) for part in images.to(self.device).split(self.chunk)]
        found = parts[0] if len(parts) == 1 else {name: torch.cat([part[name] for part in parts]) for name in self.dims}
        self._last = (weakref.ref(images), found)
        return found


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Computes in full float32 whatever precision training uses."""
    cudnn, matmul = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = cudnn
        torch.set_float32_matmul_precision(matmul)


def weights_hash(network: nn.Module) -> str:
    """Returns the first 16 hex digits of the SHA-256 over a network's names, shapes and values."""
    content = hashlib.sha256()
    for name, value in network.state_dict().items():
        content.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        content.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return content.hexdigest()[:16]


def rgb(images: Tensor) -> Tensor:
    """Repeats grey images (N, 1, H, W) to three channels."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
