"""The contract of a policy: a pure function from a study and its results to what is worth running next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from search_spaces.types import Expansion, Trial
from service.records.results import Results, TrialResult


@dataclass(frozen=True)
class Stop:
    """An arm that is not continued past a rung.

    Attributes:
        arm: the arm's name.
        images: the rung, in images seen.
        value: the arm's mean of the primary metric there, over seeds; infinite when a seed diverged.
        rank: its rank among the arms compared, 1 is best.
        compared: how many arms were compared (the baseline is not among them).
        reason: one sentence for people.
    """

    arm: str
    images: int
    value: float
    rank: int
    compared: int
    reason: str


@dataclass(frozen=True)
class Plan:
    """What a policy wants.

    Attributes:
        wanted: (trial, images) of evaluations worth having that the store does not hold yet, most urgent
            first. Empty means the study is finished. Work that must wait for a comparison is not in it.
        stops: arms that are not continued, in the order of rungs.
    """

    wanted: tuple[tuple[Trial, int], ...]
    stops: tuple[Stop, ...] = ()


class Policy(ABC):
    """A stopping policy.

    A policy sees records only, so the live driver, a restarted driver and a simulator get the same
    answers. It must not depend on the order in which results arrived, must never stop the baseline, and
    must stop continuing a trial that diverged or failed.
    """

    class Options(BaseModel):
        """The policy's options, as written in the study file."""

        model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, options: BaseModel) -> None:
        self.options = options

    @abstractmethod
    def plan(self, expansion: Expansion, results: Results) -> Plan:
        """Returns what is worth running next, given everything that is known."""


def unresolved(result: TrialResult, images: int) -> bool:
    """Whether a measurement at ``images`` is missing and can still be had.

    It cannot when the trial diverged at or before that point, or was given up.
    """
    if images in result.evaluations or result.failed is not None:
        return False
    return result.diverged is None or result.diverged.images > images
