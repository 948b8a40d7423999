"""The split between training and held-out images: a function of the seed and each image's name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from dit_core.data.paths import file_bytes
from dit_core.errors import UserError


def split_indices(keys: Sequence[str], held_out_fraction: float, seed: int) -> tuple[list[int], list[int]]:
    """Splits images by the SHA-256 of the seed and their names.

    No random generator is involved, so the split is the same on every machine and in every library version.

    Args:
        keys: one distinct name per image.
        held_out_fraction: share of the images to hold out, in (0, 1).
        seed: another seed gives another split.

    Returns:
        Indices of the training images and of the held-out images, each ascending.

    Raises:
        UserError: when either side would be empty.
    """
    held_out = round(len(keys) * held_out_fraction)
    if not 0 < held_out < len(keys):
        raise UserError(
            f"data.held_out_fraction: {held_out_fraction} of {len(keys)} images leaves "
            f"{len(keys) - held_out} for training and {held_out} held out; both need at least one"
        )
    order = sorted(range(len(keys)), key=lambda i: hashlib.sha256(file_bytes(f"{seed}:{keys[i]}")).digest())
    return sorted(order[held_out:]), sorted(order[:held_out])
