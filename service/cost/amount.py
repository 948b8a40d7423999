"""Device time by what it is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.cost.interval import Interval
from service.cost.rates import Rates
from service.cost.remaining import Remaining


@dataclass(frozen=True)
class Amount:
    """Device time by what it is for, in seconds: wall-clock times the workers of a lane.

    Attributes:
        train: of training.
        sample: of sampling.
        score: of scoring.
    """

    train: Interval
    sample: Interval
    score: Interval

    @property
    def total(self) -> Interval:
        """All of it."""
        return self.train + self.sample + self.score

    @property
    def evaluation_share(self) -> float:
        """The share of sampling and scoring; 0 for nothing at all."""
        total = self.total.middle
        return (self.sample.middle + self.score.middle) / total if total > 0 else 0.0


def amount(work: Iterable[Remaining], rates: Mapping[str, Rates], workers: int) -> Amount:
    """Returns the device time of some work."""
    train, sample, score = [], [], []
    for item in work:
        own = rates[item.trial.arm.name]
        train.append(own.train * (item.images * workers))
        sample.append(own.sample * (item.evaluations * workers))
        score.append(own.score * (item.evaluations * workers))
    return Amount(Interval.total(train), Interval.total(sample), Interval.total(score))


def trainings(work: Iterable[Remaining], rates: Mapping[str, Rates], identities: Mapping[str, str]) -> list[Interval]:
    """Seconds that a lane takes for each training with all evaluations of its weights."""
    found: dict[str, Interval] = {}
    for item in work:
        seconds = rates[item.trial.arm.name].spent(item.images, item.evaluations)
        identity = identities[item.trial.name]
        found[identity] = found[identity] + seconds if identity in found else seconds
    return list(found.values())
