"""What a file of features adds to the identity of a data set; without PyTorch, which reads it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dit_core.data.paths import file_stamp


def stamp(path: str | None) -> str:
    """Returns a cheap token that changes when the file does."""
    return "" if path is None else str(file_stamp(Path(path)))


def joined(fingerprint: str, digest: str) -> str:
    """Returns the fingerprint of images that come with features."""
    return hashlib.sha256(f"{fingerprint}\n{digest}".encode()).hexdigest()
