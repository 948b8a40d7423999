"""What every Fréchet distance shares: accumulating features, the cached reference, the floor, merging over ranks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
import torch.distributed as dist
from torch import Tensor

from dit_core.data import DataConfig, ImageDataset, Split, load_dataset
from dit_core.errors import UserError
from dit_core.events import MetricResult
from dit_core.metrics.base import Metric
from dit_core.metrics.frechet import RunningMoments, frechet_distance

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

_cache: WeakKeyDictionary[ImageDataset, dict[tuple[str, ...], RunningMoments]] = WeakKeyDictionary()
"""Moments of real images, per loaded data set and (features, device, splits): a worker that evaluates hundreds of
times computes them once. ``load_dataset`` returns the same object for the same data."""

_floors: WeakKeyDictionary[ImageDataset, dict[tuple[str, ...], float]] = WeakKeyDictionary()
"""Floors, per loaded data set and (features, device, fingerprint of the reference)."""


class FrechetMetric(Metric):
    """The Fréchet distance between generated and reference images in the features that a subclass names.

    The reference is the training split, or every image of ``evaluation.reference_images``. The floor is the distance
    between the reference and the held-out images.

    A covariance of D features needs more than D images; fewer give a biased distance, so ``check`` refuses them unless
    ``evaluation.allow_few_samples`` is set, and then the details of the result say so.
    """

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device) -> None:
        super().__init__(config, dataset, device)
        self._generated = self._empty()

    @property
    @abstractmethod
    def dim(self) -> int:
        """Number of features D."""

    @property
    @abstractmethod
    def features_key(self) -> str:
        """Identifies the feature extractor within this process."""

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Returns features (N, D) of images, uint8 (N, C, H, W) on ``self.device``."""

    @abstractmethod
    def about_features(self) -> dict[str, Any]:
        """Returns what a reader must know about the feature extractor, as plain JSON values."""

    def update(self, images: Tensor) -> None:
        if len(images):
            self._generated.update(self.features(images.to(self.device)))

    def compute(self) -> MetricResult:
        generated = self._generated.all_reduce()
        if generated.count < 2:
            raise ValueError(f"{self.name}: {generated.count} images were scored; at least 2 are needed")
        folder = reference_folder(self.config)
        if folder is None:
            reference = self._moments(self.dataset, ("train",))
        else:
            reference = self._moments(folder, ("train", "held_out"))
        held_out = self._moments(self.dataset, ("held_out",))
        floor_key = (self.features_key, str(self.device), (folder or self.dataset).fingerprint)
        value, floor = self._on_rank_zero(generated, reference, held_out, floor_key)
        details = {
            **self.about_features(),
            "feature_dim": self.dim,
            "samples": generated.count,
            "reference": "train" if folder is None else str(self.config.evaluation.reference_images),
            "reference_images": reference.count,
            "held_out_images": held_out.count,
            "few_samples": min(generated.count, reference.count) <= self.dim,
            "floor_few_images": held_out.count <= self.dim,
        }
        return MetricResult(self.name, value, floor, details)

    def _on_rank_zero(
        self, generated: RunningMoments, reference: RunningMoments, held_out: RunningMoments, key: tuple[str, ...]
    ) -> tuple[float, float | None]:
        """Computes distance and floor on rank 0 and broadcasts them: machines may round eigenvalues differently."""
        result = torch.full((2,), torch.nan, dtype=torch.float64, device=self._generated.total.device)
        parallel = dist.is_available() and dist.is_initialized()
        if not parallel or dist.get_rank() == 0:
            result[0] = frechet_distance(reference, generated)
            if held_out.count > 1:
                floors = _floors.setdefault(self.dataset, {})
                if key not in floors:
                    floors[key] = frechet_distance(reference, held_out)
                result[1] = floors[key]
        if parallel:
            dist.broadcast(result, 0)
        value, floor = result.tolist()
        return value, floor if held_out.count > 1 else None

    def _moments(self, dataset: ImageDataset, splits: tuple[Split, ...]) -> RunningMoments:
        """Returns the moments of real images, from the cache or, shared among the ranks, computed. Collective."""
        known = _cache.setdefault(dataset, {})
        key = (self.features_key, str(self.device), *splits)
        if self._somebody_needs(key not in known):
            known[key] = self._compute_moments(dataset, splits).all_reduce()
        return known[key]

    def _compute_moments(self, dataset: ImageDataset, splits: tuple[Split, ...]) -> RunningMoments:
        parallel = dist.is_available() and dist.is_initialized()
        rank, world = (dist.get_rank(), dist.get_world_size()) if parallel else (0, 1)
        moments = self._empty()
        for index, images in enumerate(_batches(dataset, splits, self.config.evaluation.batch_size)):
            if index % world == rank:
                moments.update(self.features(images.to(self.device)))
        return moments

    def _somebody_needs(self, missing: bool) -> bool:
        if not (dist.is_available() and dist.is_initialized()):
            return missing
        flag = torch.tensor([float(missing)], dtype=torch.float64, device=self._generated.total.device)
        dist.all_reduce(flag)
        return bool(flag.item() > 0)

    def _empty(self) -> RunningMoments:
        return RunningMoments.empty(self.dim, self.device if self.device.type == "cuda" else "cpu")


def _batches(dataset: ImageDataset, splits: tuple[Split, ...], batch_size: int) -> Iterator[Tensor]:
    for split in splits:
        yield from dataset.reference(split, batch_size)


def reference_folder(config: TrialConfig) -> ImageDataset | None:
    """Loads ``evaluation.reference_images``, cropped to the size of the trial's images; None when it is not set."""
    if config.evaluation.reference_images is None:
        return None
    source = DataConfig(
        name="image-folder",
        path=config.evaluation.reference_images,
        image_size=config.data.image_size,
        corrupt=config.data.corrupt,
    )
    try:
        return load_dataset(source)
    except UserError as error:
        raise UserError(f"evaluation.reference_images: {error}") from None


def check_counts(name: str, dim: int, config: TrialConfig, dataset: ImageDataset) -> None:
    """Checks that there are more samples and reference images than features.

    Raises:
        UserError: naming the setting to raise.
    """
    folder = reference_folder(config)
    if config.evaluation.allow_few_samples:
        return
    samples = config.evaluation.num_samples
    if samples <= dim:
        raise UserError(
            f"evaluation.num_samples: {samples} given, but {name} compares {dim} features and needs more samples"
        )
    images = len(dataset) if folder is None else folder.count("train") + folder.count("held_out")
    if images <= dim:
        raise UserError(
            f"evaluation.metrics: {name} compares {dim} features and needs more reference images than that, but "
            f"{'the training split' if folder is None else config.evaluation.reference_images} has {images}"
        )
