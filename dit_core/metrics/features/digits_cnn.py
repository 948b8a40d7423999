"""A small classifier of digits whose features ``fd_digits_cnn`` compares, and its committed weights."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

WEIGHTS = Path(__file__).with_name("digits_cnn.safetensors")
FEATURES = 48


class DigitsCNN(nn.Module):
    """Three 3x3 convolutions and two linear layers; 8x8 grey images to 10 classes.

    The features are the inputs of the last linear layer, before the non-linearity would cut half of each off.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(24, 32, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(32, 48, 3, padding=1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(48 * 4 * 4, FEATURES),
        )
        self.head = nn.Sequential(nn.GELU(), nn.Linear(FEATURES, 10))

    def features(self, images: Tensor) -> Tensor:
        """Returns features (N, 48) of uint8 images (N, 1, 8, 8)."""
        features: Tensor = self.stem(images.float() / 127.5 - 1)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Returns class logits (N, 10) of uint8 images (N, 1, 8, 8)."""
        logits: Tensor = self.head(self.features(images))
        return logits


@functools.cache
def load_digits_cnn(device: torch.device) -> tuple[DigitsCNN, dict[str, str]]:
    """Returns the trained classifier on ``device`` and what its file says about it; cached per process."""
    with safe_open(WEIGHTS, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        about = dict(file.metadata() or {})
    model = DigitsCNN()
    model.load_state_dict(state)
    return model.eval().requires_grad_(False).to(device), about
