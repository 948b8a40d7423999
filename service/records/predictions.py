"""The record of what a run was thought to take, kept beside what it has taken."""

from __future__ import annotations

from typing import ClassVar

from service.records.envelope import Record
from service.records.kinds import Part


class Guess(Part):
    """An amount that was foreseen.

    Attributes:
        low: the least that was plausible.
        middle: the estimate.
        high: the most that was plausible.
    """

    low: float
    middle: float
    high: float


class PredictedArm(Part):
    """How fast an arm was thought to be on one lane, in seconds of wall-clock.

    Attributes:
        source: where that came from; see ``service.cost.rates``.
        train: of training on one image.
        sample: of sampling one evaluation.
        score: of scoring it.
    """

    source: str
    train: Guess
    sample: Guess
    score: Guess


class PredictionRecord(Record):
    """What a run was thought to take, recorded before its first trial.

    Attributes:
        device: what it was foreseen for.
        workers: workers of a lane.
        arms: by arm, how fast it was thought to be.
        ahead: device seconds of what was left if no arm was stopped.
        least: the same if every other arm was stopped at its first look; None where none could be.
        finish: seconds of wall-clock for what was left; None where nobody knew how many lanes there would be.
        lanes: the lanes that is for; 0 where nobody knew.
    """

    kind: ClassVar[str] = "prediction"
    device: str
    workers: int = 1
    arms: dict[str, PredictedArm]
    ahead: Guess
    least: Guess | None = None
    finish: Guess | None = None
    lanes: int = 0

    @staticmethod
    def key(study: str, run: int) -> str:
        """Where it lies."""
        return f"studies/{study}/predictions/{run:04d}.json"
