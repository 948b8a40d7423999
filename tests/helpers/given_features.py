"""Files of features for the digits, made of noise: the same ones whenever they are asked for."""

from __future__ import annotations

from pathlib import Path

import torch

from dit_core.data.features import save_features
from dit_core.runtime.noise import normals

DIGITS = 1797
TOKENS, WIDTH = 4, 12


def digits_features(
    path: Path, *, tokens: int = TOKENS, width: int = WIDTH, flipped: bool = False, seed: int = 0
) -> str:
    """Writes features of every digit; returns the path."""
    images = torch.arange(DIGITS)
    found = [normals(images, (tokens, width), seed, stream) for stream in ("features", "flipped")]
    save_features(path, [str(row) for row in range(DIGITS)], found[0], found[1] if flipped else None)
    return str(path)
