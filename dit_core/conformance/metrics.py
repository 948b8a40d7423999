"""What every metric must keep."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.conformance.trials import small_trial
from dit_core.data import load_dataset
from dit_core.data.base import ImageDataset
from dit_core.events import MetricResult
from dit_core.parts import METRICS


def metric_conforms(name: str, tolerance: float = 1e-6, **sections: dict[str, Any]) -> MetricResult:
    """Scores random images of digits' shape with a metric.

    Checked are that the value is a finite number and the details are plain JSON, that scoring changes neither images
    nor random numbers, that it is the same when asked twice, that it does not depend on how the images are cut into
    batches, and that states of two workers merge: whatever counts is a state.

    Args:
        name: the metric's name.
        tolerance: relative difference that another cut into batches, or another number of workers, may make.
        **sections: sections of ``TrialConfig`` that the metric needs.

    Returns:
        What it made of the images.

    Raises:
        AssertionError: the metric breaks the contract; the message says in what.
    """
    evaluation = {"metrics": [name], "allow_few_samples": True, **sections.pop("evaluation", {})}
    config = small_trial(evaluation=evaluation, **sections)
    dataset = load_dataset(config.data)
    kind = METRICS.get(name)
    kind.check(config, dataset)
    generator = torch.Generator().manual_seed(0)
    size = config.data.image_size
    images = torch.randint(0, 256, (64, config.model.in_channels, size, size), dtype=torch.uint8, generator=generator)
    kept, state = images.clone(), torch.get_rng_state()
    whole = _score(name, config, dataset, [images])
    assert torch.equal(images, kept), "scoring changed the images"
    assert torch.equal(state, torch.get_rng_state()), "scoring draws from torch's global generator"
    assert whole.name == name, f"the result is called {whole.name!r}"
    assert math.isfinite(whole.value), f"the value is {whole.value}"
    json.dumps(asdict(whole), allow_nan=False)
    assert _score(name, config, dataset, [images]).value == whole.value, "scored twice, the values differ"
    near = tolerance * max(abs(whole.value), 1e-12)
    cut = _score(name, config, dataset, [images[:1], images[1:33], images[33:33], images[33:]]).value
    assert abs(cut - whole.value) <= near, f"cut into other batches, the value is {cut} instead of {whole.value}"
    merged = _merged(name, config, dataset, images)
    assert abs(merged - whole.value) <= near, f"merged from two workers, the value is {merged} instead of {whole.value}"
    return whole


def _score(name: str, config: TrialConfig, dataset: ImageDataset, batches: list[Tensor]) -> MetricResult:
    metric = METRICS.get(name)(config, dataset, torch.device("cpu"))
    for images in batches:
        metric.update(images)
    return metric.result()


def _merged(name: str, config: TrialConfig, dataset: ImageDataset, images: Tensor) -> float:
    """The value after two workers saw half of the images each, as torchmetrics merges what they keep."""
    first, second = (METRICS.get(name)(config, dataset, torch.device("cpu")) for _ in range(2))
    half = len(images) // 2
    first.update(images[:half], 0)
    second.update(images[half:], half)
    first.merge_state(second)
    return first.result().value
