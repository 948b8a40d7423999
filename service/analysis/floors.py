"""What real images score: the value below which a difference of a distance means nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dit_core.events import MetricResult
from service.analysis.details import count, number
from service.analysis.numbers import MetricFormat, whole
from service.records.results import TrialResult


@dataclass(frozen=True)
class Floor:
    """What held-out images score on a metric.

    Attributes:
        value: the value.
        images: the number of images that it is the value of; None where the record does not say.
        extrapolated: whether there are fewer held-out images than that.
        at_samples: whether they are as many as the samples are, so that the two can be compared.
    """

    value: float
    images: int | None
    extrapolated: bool
    at_samples: bool

    def text(self, shown: MetricFormat) -> str:
        """Says what scores how much, e.g. ``1,024 held-out images would score 1.63``."""
        number = "held-out images" if self.images is None else f"{whole(self.images)} held-out images"
        return f"{number} {'would score' if self.extrapolated else 'score'} {shown.value(self.value)}"


def floor_of(metric: MetricResult) -> Floor | None:
    """Returns a metric's floor at the number of samples; where that is not recorded, at that of the held-out images."""
    known = metric.details
    if (value := number(known, "floor_at_samples")) is not None:
        return Floor(float(value), count(known, "samples"), bool(known.get("floor_extrapolated")), at_samples=True)
    if metric.floor is None:
        return None
    held_out = count(known, "held_out_images")
    return Floor(metric.floor, held_out, extrapolated=False, at_samples=held_out == count(known, "samples"))


def floors(results: Iterable[TrialResult]) -> dict[str, Floor]:
    """Returns the floor of every metric that has one and was measured."""
    found: dict[str, Floor] = {}
    for result in results:
        for metrics in result.evaluations.values():
            for name, metric in metrics.items():
                floor = floor_of(metric)
                if floor is not None and not (name in found and found[name].at_samples and not floor.at_samples):
                    found[name] = floor
    return found
