"""Decoding one image file and cropping it to a square."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_RESIZED_PIXELS = 2**26
"""An image that would be resized to more than this is cut to its middle before: 1 x 20000 would need gigabytes."""


def open_rgb(content: bytes) -> Image:
    """Decodes an image file's bytes completely.

    Grey images get three equal channels and transparency is dropped. Of 16 bits the upper 8 are kept. Images of
    floating-point numbers, or of whole numbers with 32 bits, are refused: nothing in them says which number is white.
    EXIF orientation is not applied, as in the paper's code.

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

    Source: ``center_crop_arr`` of guided-diffusion, used by facebookresearch/DiT (train.py) and its evaluation. An
    image so long that resizing it whole would take more than ``MAX_RESIZED_PIXELS`` is cut to its middle before.

    Args:
        image: an RGB image.
        size: side of the result, in pixels.

    Returns:
        uint8 (size, size, 3).
    """
    from PIL.Image import Resampling

    while min(image.size) >= 2 * size:
        image = image.resize((image.width // 2, image.height // 2), Resampling.BOX)
    if max(image.size) / min(image.size) * size**2 > MAX_RESIZED_PIXELS:
        image = _middle(image)
    scale = size / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Resampling.BICUBIC)
    top, left = (image.height - size) // 2, (image.width - size) // 2
    return np.array(image)[top : top + size, left : left + size]


def _middle(image: Image) -> Image:
    """The middle of a long image, far more than will be left of it: both sides of the square keep their neighbours."""
    short = min(image.size)
    width, height = (min(side, 9 * short) for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _rgb(image: Image) -> Image:
    from PIL import Image as pillow

    if image.mode == "F" or (image.mode == "I" and image.format not in _SIXTEEN_BITS):
        kind = "floating-point numbers" if image.mode == "F" else "whole numbers of more than 16 bits or with a sign"
        raise ValueError(f"it holds {kind}, which do not say what is white; save it with 8 or 16 bits per channel")
    if image.mode.startswith("I"):  # 16-bit grey; a plain conversion would clip it to white
        values = np.asarray(image).astype(np.int64)
        if 0 < values.max() < 256:
            raise ValueError("it is saved with 16 bits, of which it uses the lower 8 only: it would be black")
        image = pillow.fromarray(np.clip(values // 256, 0, 255).astype(np.uint8))
    return image.convert("RGB")


_SIXTEEN_BITS = ("PNG", "PPM")
"""Formats that Pillow reads as whole numbers up to 65,535 where it calls them ``I``."""
