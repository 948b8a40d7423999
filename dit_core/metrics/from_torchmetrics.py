"""An image metric of torchmetrics as a metric of a study."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import torch
import torchmetrics
from torch import Tensor, nn

from dit_core.data.base import ImageDataset, Split
from dit_core.errors import UserError
from dit_core.metrics.base import Metric
from dit_core.metrics.compared import too_few
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.inception import check_images, load_inception
from dit_core.metrics.reference.references import (
    BATCH,
    reference_count,
    reference_folder,
    reference_key,
    reference_name,
    reference_sha256,
)
from dit_core.metrics.reference.statistics import moments_device
from dit_core.metrics.torchmetrics_names import feature_of, kind, takes_real
from dit_core.runtime import distributed

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

MOST_BYTES = 4 * 2**30
"""Of feature vectors that a metric may keep in every worker."""
GAUSSIAN = ("FrechetInceptionDistance", "MemorizationInformedFrechetInceptionDistance")
_TRIED = 2

_real: WeakKeyDictionary[ImageDataset, dict[tuple[str, ...], dict[str, Any]]] = WeakKeyDictionary()
"""States after this rank's share of the real images, per loaded data set and (metric, network, device, reference)."""


class Features(nn.Module):
    """A feature of one of our networks as the ``feature`` that torchmetrics' classes take, in float64.

    Its pass is the one that all metrics of an evaluation share, and its weights are those of the trial's settings.
    """

    def __init__(self, extractor: Extractor, feature: str) -> None:
        super().__init__()
        self.extractor, self.feature = extractor, feature
        self.num_features = extractor.dims[feature]

    def forward(self, images: Tensor) -> Tensor:
        """Returns (N, D) float64 of uint8 (N, C, H, W)."""
        return self.extractor(images)[self.feature].to(moments_device(self.extractor.device), torch.float64)


class FromTorchmetrics(Metric):
    """Scores images with a class of torchmetrics and its default arguments.

    One that takes an Inception-v3 (``feature``) gets ours, with ``evaluation.inception_weights``; any other gets float
    images in 0..1. Real images are looked at once per process, and shared among the ranks. A class that draws subsets
    draws the same ones each time; which images are in them depends on the number of workers, since torchmetrics puts
    the workers' feature vectors one after another. There is no floor.

    Attributes:
        kind: the class.
    """

    kind: ClassVar[type[torchmetrics.Metric]]
    count: Tensor

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device) -> None:
        super().__init__(config, dataset, device)
        self.inner, self.extractor = self._made(config, device)
        self._has_real = False
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    @classmethod
    def check(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        """See ``Metric.check``; the metric is made and given two real images, which shows what it keeps of each."""
        samples, images = config.evaluation.num_samples, None
        if takes_real(cls.kind):
            file = config.evaluation.reference_statistics
            if file is not None:
                raise UserError(
                    f"evaluation.reference_statistics: {file!r} given, but {cls.name} looks at the reference images "
                    "themselves; give them as evaluation.reference_images"
                )
            images = reference_count(config, dataset, None, None)
        if feature_of(cls.kind):
            check_images(cls.name, dataset)
        inner, extractor = cls._made(config, torch.device("cpu"))
        least, why = 2, "compares sets of images"
        if cls.kind.__name__ in GAUSSIAN and extractor is not None and not config.evaluation.allow_few_samples:
            dim = extractor.dims[feature_of(cls.kind) or ""]
            least, why = dim + 1, f"compares {dim} features"
        for name, what in (("subset_size", "draws subsets of {}"), ("splits", "makes {} splits")):
            number = getattr(inner, name, 0)
            if isinstance(number, int) and number > least:
                least, why = number, what.format(number)
        where = "the training split" if reference_name(config) == "train" else reference_name(config)
        too_few(cls.name, samples, images, where, least, why)
        some = next(dataset.reference("train", _TRIED))
        try:
            inner.update(*cls._given(some, real=False))
        except Exception as error:
            raise UserError(f"evaluation.metrics: {cls.name} cannot score the images ({_line(error)})") from None
        kept = sum(part.nbytes for state in inner.metric_state.values() if isinstance(state, list) for part in state)
        total = kept / len(some) * (samples + (images or 0))
        if total > MOST_BYTES:
            raise UserError(
                f"evaluation.metrics: {cls.name} keeps the features of {samples + (images or 0):,} images, "
                f"{total / 2**30:.1f} GiB in every worker; allowed: {MOST_BYTES / 2**30:g} GiB, or a metric whose "
                "memory does not grow, such as fid, kid or inception_score"
            )

    @classmethod
    def load(cls, config: TrialConfig, device: torch.device) -> Extractor:
        """Returns the network for a class that takes one."""
        return load_inception(config.evaluation.inception_weights, device, cls.name)

    def add(self, images: Tensor, start: int) -> None:
        self.inner.update(*self._given(images, real=False))
        self.count += len(images)

    def compute(self) -> Tensor:
        if takes_real(self.kind) and not self._has_real:
            self._add_real()
        self._join_lists()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            found = self.inner.compute()
        value, *spread = found if isinstance(found, tuple) else (found,)
        # on one rank: machines may round eigenvalues differently
        value, spread = distributed.from_first((float(value), [float(part) for part in spread]))
        self.details = {
            "torchmetrics": torchmetrics.__version__,
            "samples": int(self.count),
            **({} if self.extractor is None else self.extractor.about(feature_of(self.kind) or "")),
            **({"standard_deviation": spread[0]} if spread else {}),
        }
        if takes_real(self.kind):
            self.details |= {
                "reference": reference_name(self.config),
                "reference_sha256": reference_sha256(self.config, self.dataset),
                "reference_images": reference_count(self.config, self.dataset, None, None),
            }
        return torch.tensor(value, dtype=torch.float64)

    @classmethod
    def _made(cls, config: TrialConfig, device: torch.device) -> tuple[torchmetrics.Metric, Extractor | None]:
        """Returns an empty metric of torchmetrics, and the network that it was given."""
        feature = feature_of(cls.kind)
        extractor = None if feature is None else cls.load(config, device)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of memory that grows, which ``check`` measures
                made = cls.kind() if extractor is None else cls.kind(feature=Features(extractor, feature or ""))
        except Exception as error:
            raise UserError(f"evaluation.metrics: {cls.name} cannot be made ({_line(error)})") from None
        return made, extractor

    @classmethod
    def _given(cls, images: Tensor, *, real: bool) -> tuple[Any, ...]:
        """Returns what ``update`` of the class is given for uint8 (N, C, H, W)."""
        seen = images if feature_of(cls.kind) else images.float() / 255
        return (seen, real) if takes_real(cls.kind) else (seen,)

    def reset(self) -> None:
        super().reset()
        self.inner.reset()
        self._has_real = False

    def _add_real(self) -> None:
        """Adds this rank's share of the real images to the states, which hold generated ones."""
        known = _real.setdefault(self.dataset, {})
        network = "" if self.extractor is None else f"{self.extractor.key} on {self.extractor.device}"
        key = (self.name, network, str(distributed.world_size()), reference_key(self.config, self.dataset))
        if key not in known:
            empty, _ = self._made(self.config, torch.device("cpu") if self.extractor is None else self.extractor.device)
            empty.to(self.inner.device)
            folder = reference_folder(self.config)
            splits: tuple[Split, ...] = ("train",) if folder is None else ("train", "held_out")
            index = 0
            for split in splits:
                for images in (folder or self.dataset).reference(split, BATCH):
                    if index % distributed.world_size() == distributed.rank():
                        empty.update(*self._given(images, real=True))
                    index += 1
            known[key] = empty.metric_state
        for name, value in known[key].items():
            setattr(self.inner, name, getattr(self.inner, name) + value)
        self._has_real = True

    def _join_lists(self) -> None:
        """Makes one tensor of each list: torchmetrics waits for ever for a rank that has fewer batches than another."""
        for name, value in self.inner.metric_state.items():
            if isinstance(value, list) and self.extractor is not None:
                width = self.extractor.dims[feature_of(self.kind) or ""]
                none = torch.zeros(0, width, dtype=torch.float64, device=self.inner.device)
                setattr(self.inner, name, [torch.cat([none, *value])])


@functools.cache
def metric(name: str) -> type[FromTorchmetrics]:
    """Returns the metric of a study for a class of torchmetrics, by its import path."""
    found = kind(name)
    return type(found.__name__, (FromTorchmetrics,), {"name": name, "kind": found, "__doc__": found.__doc__})


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
