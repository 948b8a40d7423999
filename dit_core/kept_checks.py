"""Metrics that fit a data set, kept on this machine: to check it imports torchmetrics, which takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dit_core.kept import Kept
from dit_core.parts import METRICS

if TYPE_CHECKING:
    from dit_core.config import TrialConfig
    from dit_core.data.base import ImageDataset

_CODE = Path(__file__).parent
_FITTING = Kept("metric-checks", bool, [_CODE / "metrics", _CODE / "parts.py"], ["torch", "torchmetrics"])
_known: set[tuple[Any, ...]] = set()


def check_metric(name: str, config: TrialConfig, dataset: ImageDataset) -> None:
    """Makes sure that a metric can score a trial.

    Only that it can is kept, and only of metrics that say what their check depends on (``MetricEntry.check_reads``).

    Args:
        name: the metric.
        config: the trial.
        dataset: its images.

    Raises:
        UserError: naming the setting that is wrong or missing.
    """
    reads = METRICS.about(name, "evaluation.metrics").check_reads
    settings = tuple(getattr(config.evaluation, field) for field in reads)
    asked = (name, settings, dataset.name, dataset.image_shape, len(dataset), dataset.fingerprint)
    if reads and (asked in _known or _FITTING.read(asked) is not None):
        _known.add(asked)
        return
    METRICS.get(name, "evaluation.metrics").check(config, dataset)
    if reads:
        _known.add(asked)
        _FITTING.keep(asked, True)
