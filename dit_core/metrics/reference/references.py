"""Which real images generated ones are compared with, and their statistics: computed once and kept."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
import torch.distributed as dist
from torch import Tensor

from dit_core.data import DataConfig, load_dataset
from dit_core.data.base import ImageDataset, Split
from dit_core.errors import UserError
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.subset import SUBSET_SIZE
from dit_core.metrics.reference import cache as statistics_cache
from dit_core.metrics.reference.file import SETTING, ReferenceFile
from dit_core.metrics.reference.statistics import Statistics, collect, moments_device
from dit_core.parts import DATASETS
from dit_core.paths import expanded

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

BATCH = 256
"""Real images looked at at once, whatever the evaluation's batch size: sums depend on it in their last digits."""
_PROBE = 4

_known: WeakKeyDictionary[ImageDataset | ReferenceFile, dict[tuple[str, ...], Statistics]] = WeakKeyDictionary()
"""Statistics per set of images and (features, device, splits): a worker that evaluates hundreds of times needs them
once. ``load_dataset`` returns the same object for the same data, ``reference_file`` for the same file."""

_files: dict[tuple[str, int, int], ReferenceFile] = {}


def reference(config: TrialConfig, dataset: ImageDataset, extractor: Extractor, feature: str | None) -> Statistics:
    """Returns the statistics of the images that generated ones are compared with. Collective.

    Args:
        config: names them: ``reference_statistics``, else ``reference_images``, else the training split.
        dataset: the data set that the trial trains on.
        extractor: the network.
        feature: whose mean and covariance are needed; None when the feature vectors themselves are.
    """
    file = reference_file(config)
    if file is None:
        folder = reference_folder(config)
        if folder is None:
            return of_dataset(dataset, config.data, extractor, ("train",))
        return of_dataset(folder, _folder_config(config), extractor, ("train", "held_out"))
    if feature is None or file.problem(extractor, feature) is not None:
        return _of_images(file, extractor)
    known, key = _known.setdefault(file, {}), (extractor.key, str(extractor.device), feature)
    if key not in known:
        gaussian = file.gaussian(extractor, feature, moments_device(extractor.device))
        known[key] = Statistics({feature: gaussian}, None, file.count)
    return known[key]


def of_dataset(
    dataset: ImageDataset, config: DataConfig, extractor: Extractor, splits: tuple[Split, ...]
) -> Statistics:
    """Returns the statistics of some splits of a data set. Collective."""
    total = sum(dataset.count(split) for split in splits)

    def identity() -> dict[str, Any]:
        return {
            "data": dataset.fingerprint,
            "stamp": DATASETS.get(config.name).stamp(config),
            "image_shape": dataset.image_shape,
            "vae": config.vae,
            "splits": splits,
            "count": total,
        }

    def batches(size: int) -> Iterator[Tensor]:
        for split in splits:
            yield from dataset.reference(split, size)

    return _statistics(dataset, extractor, splits, total, batches, identity)


def reference_name(config: TrialConfig) -> str:
    """Says which images are the reference: ``train``, or the path that was given."""
    return config.evaluation.reference_statistics or config.evaluation.reference_images or "train"


def reference_sha256(config: TrialConfig, dataset: ImageDataset) -> str:
    """Identifies the reference anywhere: the SHA-256 of the file, or of what the images are."""
    file = reference_file(config)
    return (reference_folder(config) or dataset).fingerprint if file is None else file.digest()


def reference_key(config: TrialConfig, dataset: ImageDataset) -> str:
    """Identifies the reference within this process."""
    if (file := reference_file(config)) is not None:
        return " ".join(map(str, next(key for key, opened in _files.items() if opened is file)))
    return (reference_folder(config) or dataset).fingerprint


def reference_count(
    config: TrialConfig, dataset: ImageDataset, extractor: Extractor | None, feature: str | None
) -> int | None:
    """Returns how many images the reference has; None where a file does not say, or without an extractor to ask for."""
    if (file := reference_file(config)) is not None:
        if extractor is None:
            return None
        if feature is not None and file.problem(extractor, feature) is None:
            return file.count
        return file.images[0] if file.images is not None else None
    folder = reference_folder(config)
    return len(dataset) if folder is None else folder.count("train") + folder.count("held_out")


def check_reference(
    name: str, config: TrialConfig, dataset: ImageDataset, extractor: Extractor, feature: str | None
) -> None:
    """Makes sure that the reference has what a metric called ``name`` needs (see ``reference``).

    Raises:
        UserError: naming the setting, what was expected and what was found.
    """
    reference_folder(config)
    file = reference_file(config)
    if file is None:
        return
    if feature is None and file.images is None:
        raise UserError(
            f"{SETTING}: {file.given!r} has no images (arr_0), but {name} compares feature vectors one by one"
        )
    problem = None if feature is None else file.problem(extractor, feature)
    if problem is not None and file.images is None:
        raise UserError(f"{SETTING}: {file.given!r} {problem}, nor images (arr_0), which {name} could use instead")
    height, width = dataset.image_shape[1:]
    if (feature is None or problem is not None) and file.images is not None and file.images[1:3] != (height, width):
        raise UserError(
            f"{SETTING}: {file.given!r} has images of {file.images[1]}x{file.images[2]}, but those of the data set "
            f"{dataset.name!r} are {height}x{width}"
        )


def reference_file(config: TrialConfig) -> ReferenceFile | None:
    """Opens ``evaluation.reference_statistics``, once per process while it does not change; None when it is not set."""
    given = config.evaluation.reference_statistics
    if given is None:
        return None
    try:
        status = expanded(given).stat()
    except OSError:
        return ReferenceFile(given)  # which says why not
    key = (given, status.st_size, status.st_mtime_ns)
    if key not in _files:
        opened = ReferenceFile(given)
        _files.clear()
        _files[key] = opened
    return _files[key]


def reference_folder(config: TrialConfig) -> ImageDataset | None:
    """Loads ``evaluation.reference_images``, cropped to the size of the trial's images; None when it is not set."""
    if config.evaluation.reference_images is None:
        return None
    try:
        return load_dataset(_folder_config(config))
    except UserError as error:
        raise UserError(f"evaluation.reference_images: {error}") from None


def _folder_config(config: TrialConfig) -> DataConfig:
    return DataConfig(
        name="image-folder",
        path=config.evaluation.reference_images,
        image_size=config.data.image_size,
        corrupt=config.data.corrupt,
    )


def _of_images(file: ReferenceFile, extractor: Extractor) -> Statistics:
    total = file.images[0] if file.images is not None else 0
    return _statistics(file, extractor, ("images",), total, file.batches, lambda: {"file": file.digest()})


def _statistics(
    owner: ImageDataset | ReferenceFile,
    extractor: Extractor,
    splits: tuple[str, ...],
    total: int,
    batches: Callable[[int], Iterator[Tensor]],
    identity: Callable[[], dict[str, Any]],
) -> Statistics:
    known, key = _known.setdefault(owner, {}), (extractor.key, str(extractor.device), *splits)
    if _somebody(key not in known, extractor.device):
        found, keep = None, None
        if extractor.on_disk:
            path = statistics_cache.path_of({**identity(), "extractor": extractor.key, "subset": SUBSET_SIZE})
            probe = next(batches(_PROBE))
            found = statistics_cache.read(path, probe, moments_device(extractor.device))
            if found is None and os.environ.get("LOCAL_RANK", "0") == "0":
                keep = functools.partial(statistics_cache.write, path, probe)
        if _somebody(found is None, extractor.device):
            found = collect(extractor, batches(BATCH), total)
            if keep is not None:
                keep(found)
        assert found is not None
        known[key] = found
    return known[key]


def _somebody(says: bool, device: torch.device) -> bool:
    """Returns whether any rank says so. Collective."""
    if not (dist.is_available() and dist.is_initialized()):
        return says
    flag = torch.tensor([float(says)], dtype=torch.float64, device=moments_device(device))
    dist.all_reduce(flag)
    return bool(flag.item() > 0)
