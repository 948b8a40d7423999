"""An evaluation's samples on this machine's disk: another metric of the same weights need not sample again.

They lie in ``$DIT_ABLATE_CACHE/samples``, a folder for each evaluation, named by all that determines its images: the
weights themselves, how they are sampled, and what they were computed on. The oldest go when there is no more room.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from dit_core import identity
from dit_core.config import TrialConfig
from dit_core.data.paths import cache_folder
from dit_core.files import replacing
from dit_core.metrics.features.extractor import weights_hash
from dit_core.model.dit import DiT
from dit_core.runtime.hardware import device_name

MOST_BYTES = 20 * 2**30
"""Of all samples that are kept; 50 000 images of 256x256 pixels take 10 GB."""
_DIGITS = 64
_SCORING = {"num_samples", "inception_weights", "dinov2_weights", "reference_images", "reference_statistics",
            "allow_few_samples"}  # fmt: skip
"""Settings that decide how many images are compared with what, and change none of them."""


class KeptSamples:
    """The samples of one evaluation.

    Args:
        config: the trial.
        model: the weights that are sampled, on the device that samples.
    """

    def __init__(self, config: TrialConfig, model: DiT) -> None:
        training, device = config.training, next(model.parameters()).device
        what = {
            "weights": weights_hash(model),
            "model": identity.relevant(config.model),
            "diffusion": identity.relevant(config.diffusion),
            "data": [config.data.name, config.data.vae, config.data.vae_scale],
            "seed": config.seed,
            "sampling": {name: value for name, value in identity.sampling(config).items() if name not in _SCORING},
            "precision": [training.precision, training.tf32, training.compile],
            "at once": config.evaluation.batch_size,
            "grid": config.evaluation.grid_images,
            "hardware": [device_name(device), torch.__version__],
        }
        self._folder = cache_folder() / "samples" / identity.digest(what)[:32]
        self._device = device
        self.sampled = False

    def __call__(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        """Returns what is kept under a name, on the device; makes it, and keeps it, where nothing sound is.

        ``sampled`` says whether anything had to be made. A disk that is full keeps nothing, which a warning says.
        """
        path = self._folder / name
        found = _read(path)
        if found is not None:
            return found.to(self._device)
        self.sampled = True
        made = make()
        try:
            _write(path, made)
        except OSError as error:
            logging.getLogger(__name__).warning("samples cannot be kept in %s (%s)", self._folder, error)
        return made

    def make_room(self) -> None:
        """Removes the evaluations whose samples were written longest ago until all are within ``MOST_BYTES``."""
        sizes: dict[Path, tuple[float, int]] = {}
        for folder in self._folder.parent.glob("*"):
            with suppress(OSError):
                sizes[folder] = (folder.stat().st_mtime, sum(path.stat().st_size for path in folder.iterdir()))
        total = sum(size for _, size in sizes.values())
        for folder, (_, size) in sorted(sizes.items(), key=lambda item: item[1][0]):
            if total <= MOST_BYTES:
                return
            shutil.rmtree(folder, ignore_errors=True)
            total -= size


def _read(path: Path) -> Tensor | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if content[:_DIGITS] != hashlib.sha256(content[_DIGITS:]).hexdigest().encode():
        return None
    try:
        samples: Tensor = load(content[_DIGITS:])["samples"]
    except (SafetensorError, KeyError, ValueError):
        return None
    return samples


def _write(path: Path, samples: Tensor) -> None:
    content = save({"samples": samples.cpu().contiguous()})
    with replacing(path, durably=False) as temporary:
        temporary.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)
