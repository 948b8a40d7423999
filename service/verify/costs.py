"""What training and evaluating would take, from what the same and other trials took."""

from __future__ import annotations

from collections.abc import Iterable

from dit_core.gflops import count, training_gmacs
from search_spaces.types import Expansion, Trial
from service.records.results import Results
from service.records.store import Store


class Costs:
    """Device-seconds of trainings and evaluations of a study.

    A trial's own records tell what an image takes; where it has none, those of the other trials do, by their Gflops.

    Args:
        expansion: the study.
        results: what is known of its trials.
        store: where the records are.
    """

    def __init__(self, expansion: Expansion, results: Results, store: Store) -> None:
        self._cost = {arm.name: count(arm.config.model, arm.config.training.mask_ratio) for arm in expansion.arms}
        self._training: dict[str, float] = {}
        self._evaluation: dict[str, float] = {}
        per_gmac, evaluation_per_gmac = [], []
        for result in results.values():
            gmacs = self._cost[result.trial.arm.name].gmacs
            if result.train_id not in self._training:
                stretches = store.curve(result.train_id)
                images = sum(item.images - item.start for item in stretches)
                seconds = sum(item.seconds * (item.hardware.workers if item.hardware else 1) for item in stretches)
                if images and seconds:
                    self._training[result.train_id] = seconds / images
                    per_gmac.append(seconds / images / gmacs)
            spent = [
                getattr(metric, "sample_seconds", 0.0) + getattr(metric, "score_seconds", 0.0)
                for metrics in result.evaluations.values()
                for metric in metrics.values()
            ]
            if any(spent):
                found = sum(spent) / sum(1 for seconds in spent if seconds)
                self._evaluation[result.trial.name] = found
                evaluation_per_gmac.append(found / gmacs)
        self._per_gmac, self._evaluation_per_gmac = _mean(per_gmac), _mean(evaluation_per_gmac)

    def training(self, trial: Trial, train_id: str, images: int) -> float | None:
        """Device-seconds of training so many images; None where no trial tells."""
        per_image = self._training.get(train_id)
        if per_image is None and self._per_gmac is not None:
            per_image = self._per_gmac * self._cost[trial.arm.name].gmacs
        return 0.0 if images == 0 else None if per_image is None else per_image * images

    def evaluation(self, trial: Trial) -> float | None:
        """Device-seconds of one evaluation; None where no trial tells."""
        known = self._evaluation.get(trial.name)
        if known is not None or self._evaluation_per_gmac is None:
            return known
        return self._evaluation_per_gmac * self._cost[trial.arm.name].gmacs

    def gmacs(self, trial: Trial, images: int) -> float:
        """Multiply-adds of training so many images, in 10^9."""
        return training_gmacs(self._cost[trial.arm.name], images)


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None
