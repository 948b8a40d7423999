"""Reference statistics as a ``.npz`` file in the format of ADM's evaluator (Dhariwal & Nichol, arXiv 2105.05233).

``mu`` and ``sigma`` are mean and covariance of the pooled Inception features, ``mu_s`` and ``sigma_s`` of the spatial
ones, ``arr_0`` images, uint8 (N, H, W, C). Either kind may be missing. Files written here also name the ``extractor``
and the ``count`` of images. Nothing is ever unpickled.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dit_core.errors import UserError
from dit_core.files import file_sha256, replacing
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.frechet import Gaussian
from dit_core.metrics.reference.statistics import Statistics
from dit_core.paths import expanded

SETTING = "evaluation.reference_statistics"
_READ_ERRORS = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)


class ReferenceFile:
    """An opened and verified file; its images stay on disk.

    Args:
        given: the path as the user wrote it.

    Attributes:
        count: images behind the means, None where the file does not say.
        extractor: key of the extractor they were computed with, None where the file does not say.
        images: number and shape (N, H, W, C) of the images, None without any.

    Raises:
        UserError: when the file is missing or is not what it should be.
    """

    def __init__(self, given: str) -> None:
        self.given = given
        self.path = expanded(given, SETTING)
        if not self.path.is_file():
            raise UserError(f"{SETTING}: {given!r} {'is not a file' if self.path.exists() else 'does not exist'}")
        try:
            if not zipfile.is_zipfile(self.path):
                raise ValueError("it is no archive of arrays")
            with np.load(self.path, allow_pickle=False) as file:
                self._arrays = {name: file[name] for name in file.files if name != "arr_0"}
                self.images = self._shape() if "arr_0" in file.files else None
        except _READ_ERRORS as error:
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            raise UserError(f"{SETTING}: {given!r} cannot be read as an .npz file of numbers ({reason})") from None
        self.extractor = str(self._arrays["extractor"]) if "extractor" in self._arrays else None
        self.count = int(self._arrays["count"]) if "count" in self._arrays else None
        self._digest: str | None = None

    def problem(self, extractor: Extractor, feature: str) -> str | None:
        """Says why the file's mean and covariance are not of this feature; None when they are."""
        if feature not in extractor.file_keys:
            return "holds no statistics of these features"
        mean, covariance = extractor.file_keys[feature]
        missing = [name for name in (mean, covariance) if name not in self._arrays]
        if missing:
            return f"has no array {' and no array '.join(missing)}"
        if self.extractor is not None and self.extractor != extractor.key:
            return f"holds statistics of {self.extractor!r}, expected are those of {extractor.key!r}"
        dim, shapes = extractor.dims[feature], (self._arrays[mean].shape, self._arrays[covariance].shape)
        if shapes != ((dim,), (dim, dim)):
            found = f"{mean} of shape {shapes[0]} and {covariance} of shape {shapes[1]}"
            return f"holds {found}, expected are {dim} features"
        for name in (mean, covariance):
            if self._arrays[name].dtype.kind != "f" or not np.isfinite(self._arrays[name]).all():
                return f"holds an array {name} that is not all finite numbers"
        return None

    def gaussian(self, extractor: Extractor, feature: str, device: torch.device) -> Gaussian:
        """Returns mean and covariance of a feature without a ``problem``."""
        mean, covariance = (
            torch.from_numpy(self._arrays[name].astype(np.float64)).to(device) for name in extractor.file_keys[feature]
        )
        return Gaussian(mean, covariance, self.count)

    def batches(self, batch_size: int) -> Iterator[Tensor]:
        """Yields the images, uint8 (n, C, H, W) with n <= batch_size, read piece by piece."""
        if self.images is None:
            return
        count, *shape = self.images
        size = math.prod(shape)
        with zipfile.ZipFile(self.path) as archive, archive.open("arr_0.npy") as member:
            _header(member)
            for start in range(0, count, batch_size):
                number = min(batch_size, count - start)
                content = member.read(number * size)
                if len(content) != number * size:
                    raise UserError(f"{SETTING}: {self.given!r} ends in the middle of its images")
                yield torch.frombuffer(bytearray(content), dtype=torch.uint8).view(number, *shape).permute(0, 3, 1, 2)

    def digest(self) -> str:
        """Returns the SHA-256 of the file, which is read once."""
        if self._digest is None:
            self._digest = file_sha256(self.path)
        return self._digest

    def _shape(self) -> tuple[int, int, int, int]:
        with zipfile.ZipFile(self.path) as archive, archive.open("arr_0.npy") as member:
            shape, fortran, dtype = _header(member)
        if len(shape) != 4 or shape[0] == 0 or shape[3] not in (1, 3) or fortran or dtype != np.uint8:
            raise ValueError(f"arr_0 is {dtype} of shape {shape}, expected are uint8 images (N, H, W, 3)")
        return int(shape[0]), int(shape[1]), int(shape[2]), int(shape[3])


def _header(member: Any) -> tuple[Any, bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(member)


def save_reference_file(path: Path, statistics: Statistics, extractor: Extractor, images: Tensor | None = None) -> None:
    """Writes reference statistics that this module, ADM's evaluator and pytorch-fid's tools read.

    Args:
        path: the ``.npz`` file; written to a temporary name and moved into place.
        statistics: of the reference images.
        extractor: what they were computed with.
        images: uint8 (N, C, H, W) to store as ``arr_0``: precision, recall and KID need some; None stores none.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {"extractor": np.array(extractor.key)}
    if statistics.count is not None:
        arrays["count"] = np.array(statistics.count)
    for feature, (mean, covariance) in extractor.file_keys.items():
        gaussian = statistics.gaussians[feature]
        arrays[mean], arrays[covariance] = gaussian.mean.cpu().numpy(), gaussian.covariance.cpu().numpy()
    if images is not None:
        colour = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
        arrays["arr_0"] = np.ascontiguousarray(colour.permute(0, 2, 3, 1).cpu().numpy())
    _write(path, arrays)


def _write(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
