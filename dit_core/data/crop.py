"""Decoding one image file and cropping it to a square."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image


def open_rgb(content: bytes) -> Image:
    """Decodes an image file's bytes completely.

    Grey images get three equal channels and transparency is dropped. EXIF orientation is not applied, as in the
    paper's code.

    Args:
        content: the file.

    Raises:
        Exception: of nearly any type, when the bytes are not a complete image.
    """
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return _rgb(image)


def crop(image: Image, size: int) -> Tensor:
    """Returns an RGB image cropped by ``center_crop``, uint8 (3, size, size)."""
    return torch.from_numpy(center_crop(image, size)).permute(2, 0, 1).contiguous()


def center_crop(image: Image, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Halves with a box filter while both sides stay at least ``2 * size``, resizes bicubically, crops the centre.

    Source: ``center_crop_arr`` of guided-diffusion, used by facebookresearch/DiT (train.py) and its evaluation.

    Args:
        image: an RGB image.
        size: side of the result, in pixels.

    Returns:
        uint8 (size, size, 3).
    """
    from PIL.Image import Resampling

    while min(image.size) >= 2 * size:
        image = image.resize((image.width // 2, image.height // 2), Resampling.BOX)
    scale = size / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Resampling.BICUBIC)
    top, left = (image.height - size) // 2, (image.width - size) // 2
    return np.array(image)[top : top + size, left : left + size]


def _rgb(image: Image) -> Image:
    from PIL import Image as pillow

    if image.mode.startswith("I"):  # 16-bit grey; a plain conversion would clip it to white
        high_byte = np.clip(np.asarray(image).astype(np.int64) // 256, 0, 255).astype(np.uint8)
        image = pillow.fromarray(high_byte)
    return image.convert("RGB")
