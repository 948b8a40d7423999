"""Rates that the store tells: what an arm's own trials took, whichever study paid for them."""

from __future__ import annotations

from collections.abc import Iterable

from service.cost.interval import Interval
from service.cost.rates import RECORDED, Rates
from service.cost.target import Target
from service.records.measurements import StoredMetric
from service.records.results import TrialResult
from service.records.store import Store

_LEAST = 0.05
"""Two runs of the same training on the same machine differ by about this share."""
_TRIALS = 3
"""Seeds of an arm that are looked at."""


def recorded_rates(results: Iterable[TrialResult], store: Store, target: Target) -> Rates | None:
    """Returns what an arm took on such hardware; None where it was not trained and evaluated there.

    Args:
        results: what is known of the arm's trials.
        store: where their curves are.
        target: what the study will run on.
    """
    train: list[float] = []
    sample: list[float] = []
    score: list[float] = []
    for result in results:
        if len(train) == _TRIALS:
            break
        stretches = [
            piece
            for piece in store.spans(result.train_id)
            if piece.hardware is not None and target.is_like(piece.hardware, piece.hardware.threads)
        ]
        images = sum(piece.images - piece.start for piece in stretches)
        for metrics in result.evaluations.values():
            first = next(
                (item for item in metrics.values() if isinstance(item, StoredMetric) and item.sample_seconds), None
            )
            if (
                first is not None
                and first.hardware is not None
                and target.is_like(first.hardware, first.hardware.threads)
            ):
                sample.append(first.sample_seconds)
                score.append(first.score_seconds)
        if images:
            train.append(sum(piece.seconds for piece in stretches) / images)
    if not train or not sample:
        return None
    return Rates(
        Interval.mean_of(train, _LEAST), Interval.mean_of(sample, _LEAST), Interval.mean_of(score, _LEAST), RECORDED
    )
