"""``inception_score``: how sure Inception-v3 is of each image, and how varied all of them are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dit_core.data.base import ImageDataset
from dit_core.metrics.base import Metric, summed
from dit_core.metrics.compared import too_few
from dit_core.metrics.features.extractor import Extractor
from dit_core.metrics.features.inception import check_images, load_inception
from dit_core.metrics.reference.statistics import moments_device

if TYPE_CHECKING:
    from dit_core.config import TrialConfig

SPLITS = 10
_SHUFFLE = 2020
"""Seed of torch-fidelity's shuffle, so that the splits are the same images."""


class InceptionScore(Metric):
    """Salimans et al., arXiv 1606.03498: exp of the mean divergence of p(class | image) from p(class), over 10 splits.

    The classes are the 1008 outputs without their bias, as in torch-fidelity and ADM's evaluator. With as many images
    as ``evaluation.num_samples`` states, the splits, and so the value, are torch-fidelity's. The score looks at no real
    image: it says nothing about the data.

    ``torchmetrics.image.inception.InceptionScore`` keeps the class scores of every image, and shuffles them by torch's
    global generator, so that its value changes from call to call.
    """

    name = "inception_score"
    sums: Tensor

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device) -> None:
        super().__init__(config, dataset, device, dist_sync_fn=summed)
        self.extractor = self.load(config, device)
        samples, classes = config.evaluation.num_samples, self.extractor.dims["logits"]
        place = np.empty(samples, dtype=np.int64)
        place[np.random.RandomState(_SHUFFLE).permutation(samples)] = np.arange(samples)
        bounds = [split * samples // SPLITS for split in range(1, SPLITS)]
        self._split = torch.from_numpy(np.searchsorted(bounds, place, side="right"))
        # per split: sum of p, then sum of p log p, then images
        sums = torch.zeros(SPLITS, classes + 2, dtype=torch.float64, device=moments_device(device))
        self.add_state("sums", sums, dist_reduce_fx="sum")

    @classmethod
    def check(cls, config: TrialConfig, dataset: ImageDataset) -> None:
        check_images(cls.name, dataset)
        too_few(cls.name, config.evaluation.num_samples, None, "", SPLITS, f"makes {SPLITS} splits")
        cls.load(config, torch.device("cpu"))

    @classmethod
    def load(cls, config: TrialConfig, device: torch.device) -> Extractor:
        """Returns the network on ``device``; the errors are those of ``load_inception``."""
        return load_inception(config.evaluation.inception_weights, device, cls.name)

    def add(self, images: Tensor, start: int) -> None:
        if start + len(images) > len(self._split):
            raise ValueError(f"image {start + len(images)} given, but evaluation.num_samples is {len(self._split)}")
        logits = self.extractor(images)["logits"].to(self.sums)
        p = logits.softmax(1)
        own = (p * logits.log_softmax(1)).sum(1, keepdim=True)
        rows = torch.cat([p, own, torch.ones_like(own)], 1)
        self.sums.index_add_(0, self._split[start : start + len(images)].to(rows.device), rows)

    def compute(self) -> Tensor:
        sums = self.sums
        counts = sums[:, -1]
        if counts.min() < 1:
            raise ValueError(f"{self.name}: {int(counts.sum())} images were scored; every split needs one")
        p = sums[:, :-2] / counts[:, None]
        scores = (sums[:, -2] / counts - torch.xlogy(p, p).sum(1)).exp()
        self.details = {
            **self.extractor.about("logits"),
            "samples": int(counts.sum()),
            "splits": SPLITS,
            "standard_deviation": float(scores.std(correction=0)),
        }
        return scores.mean()
