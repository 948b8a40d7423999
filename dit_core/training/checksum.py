"""The checksum of a checkpoint, for who holds its tensors and for who only reads its bytes. Imports no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

FORMAT = 2
"""Version of what is in a checkpoint and of how its checksum is made."""


class Checksum:
    """SHA-256 over the images seen and every tensor's name, type, shape and bytes, in the order of the names.

    Args:
        images: training images seen.
    """

    def __init__(self, images: int) -> None:
        self._total = hashlib.sha256(f"{FORMAT} {images}".encode())

    def add(self, name: str, dtype: object, shape: Sequence[int], data: Iterable[Buffer]) -> None:
        """Adds a tensor.

        Args:
            name: its name.
            dtype: its type as torch writes it, e.g. ``torch.float32``.
            shape: its shape.
            data: its bytes, in pieces of any size.
        """
        self._total.update(f"\n{name} {dtype} {tuple(shape)}\n".encode())
        for piece in data:
            self._total.update(piece)

    def hexdigest(self) -> str:
        """Returns it."""
        return self._total.hexdigest()
