"""How fast an arm trains and is evaluated on a lane."""

from __future__ import annotations

from dataclasses import dataclass, replace

from service.cost.interval import Interval

ANALYTIC, SCALED, PROFILED, RECORDED = "analytic", "scaled", "profiled", "recorded"
SOURCES = (RECORDED, PROFILED, SCALED, ANALYTIC)
"""Where rates come from, the best first: what the store holds of the same arm on such hardware, a few steps that were
measured, what was recorded or measured of other arms scaled by multiply-adds, and multiply-adds alone."""


@dataclass(frozen=True)
class Rates:
    """Wall-clock of a lane, in seconds.

    Attributes:
        train: of training on one image.
        sample: of sampling one evaluation.
        score: of scoring one evaluation.
        source: one of ``SOURCES``.
        memory: peak memory of one worker, in bytes; None where nobody has measured it.
    """

    train: Interval
    sample: Interval
    score: Interval
    source: str
    memory: float | None = None

    @property
    def evaluate(self) -> Interval:
        """Seconds of one evaluation."""
        return self.sample + self.score

    def spent(self, images: int, evaluations: int) -> Interval:
        """Returns the seconds of so many training images and evaluations."""
        return self.train * images + self.evaluate * evaluations

    def scaled(self, train: Interval, sample: Interval, score: Interval) -> Rates:
        """Returns the middles of these rates times what others were found to take, as multiples of theirs."""
        parts = (train * self.train.middle, sample * self.sample.middle, score * self.score.middle)
        return replace(self, train=parts[0], sample=parts[1], score=parts[2], source=SCALED)
