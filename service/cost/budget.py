"""Keeps the runs of a study within its cap: what is most informative first, and nothing that does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from search_spaces.types import Expansion, Trial
from service.cost.arm_rates import arm_rates
from service.cost.devices import H100
from service.cost.family import spent_by_others
from service.cost.limits import Limit, limit_of
from service.cost.rates import Rates
from service.cost.remaining import Remaining
from service.cost.spent import spent_before
from service.cost.target import Target
from service.preflight import Prepared
from service.records.results import Results
from service.records.store import Store


class Budget:
    """What a run may still spend, in device seconds, and what that is enough for.

    The first seed of every arm comes before the second of any, and of every seed the baseline first: an arm without
    its partner answers nothing. How long work takes is estimated, and corrected by what finished work has taken.

    Args:
        expansion: the study.
        rates: arm -> how fast it is thought to be.
        limit: the study's cap.
        before: what earlier runs have spent, those of the studies that share the cap included.
    """

    def __init__(self, expansion: Expansion, rates: Mapping[str, Rates], limit: Limit, before: float) -> None:
        self.limit = limit
        self._rates, self._workers = rates, expansion.study.resources.workers
        self._slowest = max((item.train.middle, item.evaluate.middle) for item in rates.values())
        self._place = {seed: place for place, seed in enumerate(expansion.study.seeds)}
        self._before, self._now = before, 0.0
        self._thought, self._took = 0.0, 0.0

    @classmethod
    def of(cls, prepared: Prepared, store: Store, results: Results) -> Budget | None:
        """Returns the budget of a study that is about to be run; None where it has no cap."""
        expansion = prepared.expansion
        limit = limit_of(expansion.study.resources)
        if limit is None:
            return None
        target = Target.here(expansion.study.resources)
        rates = arm_rates(expansion, target, target.assumed or H100, store, results)
        before = spent_before(expansion, store, results) + spent_by_others(expansion.study.name, store)
        return cls(expansion, rates, limit, before)

    @property
    def left(self) -> float:
        """What may still be spent; negative when more was."""
        return self.limit.seconds - self._before - self._now

    @property
    def spent(self) -> float:
        """What all runs have spent so far."""
        return self._before + self._now

    def spend(self, seconds: float) -> None:
        """Takes what this run has spent so far."""
        self._now = seconds

    def place(self, trial: Trial) -> int:
        """Returns the place of a trial's seed among the study's."""
        return self._place[trial.seed]

    def expected(self, trial: Trial, images: int, evaluations: int = 1) -> float:
        """Returns the device seconds that so many images and evaluations of a trial are expected to take."""
        return self._raw(trial, images, evaluations) * self._correction

    def settled(self, trial: Trial, images: int, evaluations: int, seconds: float) -> None:
        """Takes what finished work has taken, in device seconds."""
        self._thought += self._raw(trial, images, evaluations)
        self._took += seconds

    def seeds_that_fit(self, work: Iterable[Remaining]) -> int:
        """Returns how many seeds, in their order, what is left pays for in full; one at least."""
        needed = [0.0] * len(self._place)
        for item in work:
            needed[self.place(item.trial)] += self.expected(item.trial, item.images, item.evaluations)
        total, fitting = 0.0, 0
        for seconds in needed:
            total += seconds
            if total > self.left:
                break
            fitting += 1
        return max(1, fitting)

    @property
    def _correction(self) -> float:
        return self._took / self._thought if self._thought > 0 else 1.0

    def _raw(self, trial: Trial, images: int, evaluations: int) -> float:
        rates = self._rates.get(trial.arm.name)
        if rates is None:  # proposed while the study runs
            train, evaluate = self._slowest
            return (train * images + evaluate * evaluations) * self._workers
        return rates.spent(images, evaluations).middle * self._workers
