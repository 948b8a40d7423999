"""The primary metric of every trial at every milestone, kept up to date from snapshot to snapshot."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces.types import Trial
from service.engine import Snapshot
from service.preflight import Prepared
from service.records.results import collect_trial
from service.records.store import Store


class Measured:
    """Reads from the store what a snapshot, which knows only the last evaluation, leaves out.

    Args:
        prepared: the study.
        store: where the records are.
    """

    def __init__(self, prepared: Prepared, store: Store) -> None:
        self._store = store
        self._study = prepared.expansion.study
        self._last: dict[str, int] = {}
        self._values: dict[str, dict[int, float]] = {}
        for trial in prepared.expansion.trials:
            self._values[trial.name] = self._read(trial, prepared.train_ids[trial.name])
            self._last[trial.name] = max(self._values[trial.name], default=0)

    def of(self, trial: str) -> Mapping[int, float]:
        """Returns images -> primary metric of a trial."""
        return self._values.get(trial, {})

    def update(self, snapshot: Snapshot) -> list[tuple[str, int, float]]:
        """Reads what is new; returns (trial, images, value) in order of images."""
        news: list[tuple[str, int, float]] = []
        for status in snapshot.statuses:
            name = status.trial.name
            if status.images > self._last.get(name, 0):  # an arm may have been proposed since
                before, now = self._values.get(name, {}), self._read(status.trial, status.train_id)
                news += [(name, images, value) for images, value in now.items() if images not in before]
                self._values[name], self._last[name] = now, status.images
        return sorted(news, key=lambda item: item[1])

    def _read(self, trial: Trial, train_id: str) -> dict[int, float]:
        result = collect_trial(trial, self._store, train_id, self._study.milestones)
        found = ((images, result.value(self._study.primary_metric, images)) for images in self._study.milestones)
        return {images: value for images, value in found if value is not None}
