"""Features of the training images, made by another network beforehand, for training to align tokens with.

One safetensors file:

==============  =======================  =============================================================
``features``    (n, T, F) float          one row of features per token of an image, tokens row by row
``flipped``     (n, T, F) float          the same of the mirrored images; needed by ``data.random_flip``
``names``       (m,) uint8               the images' names in UTF-8, separated by zero bytes
==============  =======================  =============================================================

The names are those of the data set: a file's path below ``data.path`` in a folder of images, an image's name in a
folder of latents, the row in the others. ``save_features`` writes such a file.

Shape legend: n images, T tokens, F features of a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dit_core.data.latents_format import unpack_names
from dit_core.data.paths import file_bytes, file_stamp, printable
from dit_core.data.verification import verify
from dit_core.errors import UserError
from dit_core.files import file_sha256, replacing

FIELD = "data.features"


class Features:
    """The features of some images in their order, read from the file when they are needed.

    Args:
        path: the file.
        names: the images whose features will be asked for.
        mirrored: whether those of mirrored images will be, too.

    Attributes:
        tokens: T, tokens of an image.
        width: F, features of a token.
        digest: SHA-256 of the file.

    Raises:
        UserError: the file is missing, unreadable or of another form, or lacks an image.
    """

    def __init__(self, path: str, names: Sequence[str], *, mirrored: bool) -> None:
        file = Path(path)
        self.digest = _verified(file)
        opened: Any = safe_open(file, "pt")
        known = set(opened.keys())
        absent = [name for name in ("features", "names") if name not in known]
        if absent:
            raise UserError(f"{FIELD}: {path} has no tensor {absent[0]!r}; wanted: features and names")
        if mirrored and "flipped" not in known:
            raise UserError(
                f"{FIELD}: {path} has no features of mirrored images ('flipped'), which data.random_flip needs"
            )
        self._slices: dict[str, Any] = {
            name: opened.get_slice(name) for name in ("features", "flipped") if name in known
        }
        row_of = {name: row for row, name in enumerate(unpack_names(opened.get_tensor("names")))}
        shapes = {tuple(found.get_shape()) for found in self._slices.values()}
        if len(shapes) != 1 or len(shape := shapes.pop()) != 3 or shape[0] != len(row_of):
            raise UserError(f"{FIELD}: {path} must hold (images, tokens, width) of its {len(row_of)} distinct names")
        _, self.tokens, self.width = shape
        missing = [name for name in names if name not in row_of]
        if missing:
            raise UserError(
                f"{FIELD}: {path} lacks {len(missing)} of the {len(names)} training images, e.g. "
                f"{printable(missing[0])!r}"
            )
        self._rows = [row_of[name] for name in names]

    def batch(self, indices: Tensor, flip: Tensor | None = None) -> Tensor:
        """Returns features of images, (n, T, F) float32.

        Args:
            indices: (n,) int64, positions in ``names``.
            flip: (n,) bool, which images are mirrored; None for none.
        """
        flips = [False] * len(indices) if flip is None else flip.tolist()
        chosen = zip(indices.tolist(), flips, strict=True)
        rows = [self._slices["flipped" if mirror else "features"][self._rows[index]] for index, mirror in chosen]
        return torch.stack(rows).float()


def save_features(path: Path, names: Sequence[str], features: Tensor, flipped: Tensor | None = None) -> None:
    """Writes a file of features, whole or not at all.

    Args:
        path: where to.
        names: one distinct name per image.
        features: (n, T, F).
        flipped: (n, T, F), those of the mirrored images.
    """
    packed = torch.frombuffer(bytearray(file_bytes("\0".join(names))), dtype=torch.uint8)
    tensors = {"features": features, "names": packed, **({} if flipped is None else {"flipped": flipped})}
    with replacing(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)


def width_of(path: str) -> int:
    """Returns the features of a token in a file, from its header alone.

    Raises:
        UserError: it cannot be read, or has none.
    """
    try:
        with safe_open(path, "pt") as opened:
            return int(opened.get_slice("features").get_shape()[-1])
    except (OSError, SafetensorError, IndexError) as error:
        raise UserError(f"{FIELD}: {path} is no file of features ({error})") from None


def _verified(file: Path) -> str:
    if not file.is_file():
        raise UserError(f"{FIELD}: {file} is not there; give a safetensors file with features of the training images")

    def check(_: int) -> str:
        with safe_open(file, "pt") as opened:
            opened.keys()
        return file_sha256(file)

    (digest,), bad = verify(f"features {file.resolve()}", [file.name], [file_stamp(file)], check)
    if digest is None:
        raise UserError(f"{FIELD}: {bad[0]} is not a safetensors file")
    return digest
