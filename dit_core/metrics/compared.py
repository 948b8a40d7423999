"""What every metric shares that compares generated images with real ones: the reference, the floor, the ranks."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.errors import UserError
from dit_core.metrics.base import Metric, summed
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.subset import FeatureSubset
from dit_core.metrics.reference.references import (
    check_reference,
    of_dataset,
    reference,
    reference_count,
    reference_key,
    reference_name,
    reference_sha256,
)
from dit_core.metrics.reference.statistics import Statistics, moments_device
from dit_core.runtime import distributed

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

G = TypeVar("G")

_floors: WeakKeyDictionary[ImageDataset, dict[tuple[str, ...], float | None]] = WeakKeyDictionary()
"""Floors, per loaded data set and (metric, features, device, reference)."""


class ComparedMetric(Metric, Generic[G]):
    """Compares generated with reference images in one feature; ``G`` is what it keeps of the generated ones.

    The reference is ``evaluation.reference_statistics`` or ``evaluation.reference_images`` where one is given, else
    the training split. The floor is the value of the held-out images. All states are sums over images.

    Attributes:
        feature: the feature of its extractor that is compared.
        dim: numbers per feature vector where that is known before the network is loaded.
        least: images of each kind without which there is no value at all, whatever ``evaluation.allow_few_samples`` is.
        one_by_one: whether feature vectors themselves are compared rather than their mean and covariance.
    """

    feature: ClassVar[str]
    dim: ClassVar[int | None] = None
    least: ClassVar[int] = 2
    one_by_one: ClassVar[bool] = False
    rows: Tensor
    filled: Tensor

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device) -> None:
        super().__init__(config, dataset, device, dist_sync_fn=summed)
        self.extractor = self.load(config, device)
        self.where = moments_device(device)
        self._subset: FeatureSubset | None = None

    def keep_sums(self, **states: Tensor) -> None:
        """Makes each of these tensors a state, which begins with it and is added up over the ranks."""
        for name, value in states.items():
            self.add_state(name, value, dist_reduce_fx="sum")

    def keep_rows(self) -> None:
        """Keeps a bounded number of feature vectors, in the states ``rows`` and ``filled``; see ``subset``."""
        dim = self.extractor.dims[self.feature]
        self._subset = FeatureSubset(self.config.evaluation.num_samples, dim, device=self.where)
        self.keep_sums(rows=self._subset.rows, filled=self._subset.filled)

    @property
    def subset(self) -> FeatureSubset | None:
        """The feature vectors that are kept, as the states have them; None without ``keep_rows``."""
        if self._subset is not None:  # torchmetrics puts other tensors in the place of states
            self._subset.rows, self._subset.filled = self.rows, self.filled
        return self._subset

    @classmethod
    @abstractmethod
    def load(cls, config: TrialConfig, device: torch.device) -> Extractor:
        """Returns the network on ``device``.

        Raises:
            UserError: when its weights are missing or wrong.
        """

    @classmethod
    @abstractmethod
    def check_images(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        """Checks that the network can look at the data set's images.

        Raises:
            UserError: when it cannot.
        """

    @classmethod
    @abstractmethod
    def check_counts(cls, dim: int, samples: int, images: int | None, where: str) -> None:
        """Checks that there are enough images; not called with ``evaluation.allow_few_samples``.

        Args:
            dim: numbers per feature vector.
            samples: generated images.
            images: reference images, None where nobody says.
            where: what the reference is, for the error.

        Raises:
            UserError: naming the setting to raise.
        """

    @abstractmethod
    def gather(self) -> tuple[G, int]:
        """Returns what the states, those of all ranks by now, keep of the images, and the number of images."""

    @abstractmethod
    def known(self, real: Statistics) -> G | None:
        """Returns the same of real images; None when there are too few."""

    @abstractmethod
    def score(self, generated: G, reference: Statistics) -> tuple[float, dict[str, Any]]:
        """Returns the value and what a reader must know about how it came about, as plain JSON values."""

    def about_real(self, count: int, reference: Statistics, held_out: Statistics) -> dict[str, Any]:
        """Returns what real images tell beside the floor, of ``count`` generated ones, as plain JSON values."""
        return {}

    @classmethod
    def check(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        cls.check_images(config, dataset)
        if cls.dim is not None:  # what needs no weights comes first
            cls._check_enough(cls.dim, config, reference_count(config, dataset, None, None))
        extractor = cls.load(config, torch.device("cpu"))
        feature = None if cls.one_by_one else cls.feature
        check_reference(cls.name, config, dataset, extractor, feature)
        images = reference_count(config, dataset, extractor, feature)
        cls._check_enough(extractor.dims[cls.feature], config, images)

    @classmethod
    def _check_enough(cls, dim: int, config: TrialConfig, images: int | None) -> None:
        samples, name = config.evaluation.num_samples, reference_name(config)
        where = "the training split" if name == "train" else name
        if not config.evaluation.allow_few_samples:
            cls.check_counts(dim, samples, images, where)
        too_few(cls.name, samples, images, where, cls.least, "compares sets of images")

    def compute(self) -> Tensor:
        generated, count = self.gather()
        if count < 2:
            raise ValueError(f"{self.name}: {count} images were scored; at least 2 are needed")
        real = reference(self.config, self.dataset, self.extractor, None if self.one_by_one else self.feature)
        held_out = of_dataset(self.dataset, self.config.data, self.extractor, ("held_out",))
        # on one rank: machines may round eigenvalues differently
        result = self._result(generated, count, real, held_out) if distributed.rank() == 0 else None
        value, self.floor, self.details = distributed.from_first(result)  # type: ignore[misc]
        return torch.tensor(value, dtype=torch.float64)

    def _result(
        self, generated: G, count: int, real: Statistics, held_out: Statistics
    ) -> tuple[float, float | None, dict[str, Any]]:
        value, about = self.score(generated, real)
        details = {
            **self.extractor.about(self.feature),
            "feature_dim": self.extractor.dims[self.feature],
            "samples": count,
            "reference": reference_name(self.config),
            "reference_sha256": reference_sha256(self.config, self.dataset),
            **({} if real.count is None else {"reference_images": real.count}),
            "held_out_images": held_out.count,
            **about,
            **self.about_real(count, real, held_out),
        }
        return value, self._floor(real, held_out), details

    def _floor(self, real: Statistics, held_out: Statistics) -> float | None:
        floors = _floors.setdefault(self.dataset, {})
        key = (self.name, self.extractor.key, str(self.extractor.device), reference_key(self.config, self.dataset))
        if key not in floors:
            known = self.known(held_out)
            floors[key] = None if known is None else self.score(known, real)[0]
        return floors[key]


def too_few(name: str, samples: int, images: int | None, where: str, least: int, why: str) -> None:
    """Checks numbers of images against the least that a metric needs.

    Args:
        name: the metric.
        samples: generated images.
        images: reference images, None where nobody says.
        where: what the reference is.
        least: how many of each are needed.
        why: what the metric needs them for, e.g. ``compares 2048 features``.

    Raises:
        UserError: naming the setting to raise.
    """
    if samples < least:
        raise UserError(f"evaluation.num_samples: {samples} given, but {name} {why} and needs {least} or more samples")
    if images is not None and images < least:
        raise UserError(
            f"evaluation.metrics: {name} {why} and needs {least} or more reference images, but {where} has {images}"
        )
