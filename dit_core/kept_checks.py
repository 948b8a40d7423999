"""Metrics that were found to fit a data set, kept on this machine: their checks import torchmetrics, which takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dit_core.kept import Kept
from dit_core.parts import METRICS

if TYPE_CHECKING:
    from dit_core.config import TrialConfig
    from dit_core.data.base import ImageDataset

_CODE = Path(__file__).parent
_FITTING = Kept("metric-checks", bool, [_CODE / "metrics", _CODE / "parts.py"], ["torch", "torchmetrics"])


def check_metric(name: str, config: TrialConfig, dataset: ImageDataset) -> None:
    """Makes sure that a metric can score a trial.

    Only that it can is kept, and only of metrics whose check depends on nothing else (``MetricEntry.check_is_kept``).

    Args:
        name: the metric.
        config: the trial.
        dataset: its images.

    Raises:
        UserError: naming the setting that is wrong or missing.
    """
    if not METRICS.about(name, "evaluation.metrics").check_is_kept:
        METRICS.get(name, "evaluation.metrics").check(config, dataset)
        return
    settings = [part.model_dump(mode="json") for part in (config.evaluation, config.data)]
    asked = [name, settings, dataset.name, dataset.image_shape, len(dataset), dataset.fingerprint]
    if _FITTING.read(asked) is None:
        METRICS.get(name, "evaluation.metrics").check(config, dataset)
        _FITTING.keep(asked, True)
