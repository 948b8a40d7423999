"""Statistics of real images on disk, so that a large data set is looked at once and not once per process.

One file per key in the cache folder (``dit_core.data.paths.cache_folder``): the SHA-256 of the rest, then safetensors.
It is written to a temporary name and moved into place, so any number of processes may write the same one at once. A
file that does not hold what its SHA-256 says counts as missing and is written again, and so does one that was computed
from other images: a few of them are kept beside the statistics. (They are compared with a tolerance, since decoding
latents on a GPU may round a pixel differently.)
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from dit_core.data.paths import cache_folder
from dit_core.files import write_durably
from dit_core.metrics.frechet import Gaussian
from dit_core.metrics.reference.statistics import Statistics

FORMAT = 1
_DIGITS = 64
_SAME = 0.25
"""Mean difference, in levels of 255, below which two images are the same."""


def folder() -> Path:
    """Returns the folder of cached statistics; it need not exist."""
    return cache_folder() / "reference-statistics"


def path_of(identity: dict[str, Any]) -> Path:
    """Returns where the statistics with this identity, of plain JSON values, belong."""
    text = json.dumps({**identity, "format": FORMAT}, sort_keys=True)
    return folder() / hashlib.sha256(text.encode()).hexdigest()


def read(path: Path, probe: Tensor, device: torch.device) -> Statistics | None:
    """Returns the statistics in a file; None where there are none, or damaged ones, or those of other images.

    Args:
        path: the file.
        probe: the first of the images they should be of, uint8 (n, C, H, W).
        device: where to put them.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if content[:_DIGITS] != hashlib.sha256(content[_DIGITS:]).hexdigest().encode():
        logging.getLogger(__name__).warning("%s is damaged; the reference statistics are computed again", path)
        return None
    try:
        tensors = load(content[_DIGITS:])
    except (SafetensorError, ValueError):
        return None
    kept = tensors.pop("probe")
    if kept.shape != probe.shape or (kept.float() - probe.cpu().float()).abs().mean() > _SAME:
        return None
    tensors = {name: value.to(device) for name, value in tensors.items()}
    count = int(tensors.pop("count"))
    subset = tensors.pop("subset", None)
    names = {name.split("/")[0] for name in tensors}
    gaussians = {name: Gaussian(tensors[f"{name}/mean"], tensors[f"{name}/covariance"], count) for name in names}
    return Statistics(gaussians, subset, count)


def write(path: Path, probe: Tensor, statistics: Statistics) -> None:
    """Keeps statistics for later processes; where that is impossible a warning says so and nothing else happens.

    Args:
        path: the file.
        probe: the first of the images they are of, uint8 (n, C, H, W).
        statistics: what to keep.
    """
    tensors: dict[str, Tensor] = {"count": torch.tensor(statistics.count), "probe": probe.cpu().contiguous()}
    if statistics.subset is not None:
        tensors["subset"] = statistics.subset.cpu().contiguous()
    for name, gaussian in statistics.gaussians.items():
        tensors[f"{name}/mean"] = gaussian.mean.cpu().contiguous()
        tensors[f"{name}/covariance"] = gaussian.covariance.cpu().contiguous()
    content = save(tensors)
    try:
        write_durably(path, hashlib.sha256(content).hexdigest().encode() + content)
    except OSError as error:
        logging.getLogger(__name__).warning("reference statistics cannot be kept in %s (%s)", path.parent, error)
