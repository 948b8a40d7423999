"""What was measured of trials: read from its records once in a process, although it is asked for again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dit_core.config import TrialConfig
from dit_core.events import MetricResult
from dit_core.identity import Naming
from service.records.envelope import Sealed
from service.records.kinds import EvaluationRecord, Hardware
from service.records.records import Records

Measuring = Callable[[TrialConfig, str], Mapping[str, Any]]
"""Config and metric -> what an ``eval_id`` holds beside the weights and the images."""


@dataclass(frozen=True)
class StoredMetric(MetricResult):
    """A metric as read from its record, with what it cost and who paid.

    Attributes:
        study: the study that ran the evaluation.
        written: when, ISO 8601 UTC.
        sample_seconds: wall-clock spent sampling for it.
        score_seconds: wall-clock spent scoring.
        grid: key of the sample grid, if there is one.
        grid_sha256: the grid's SHA-256, where it was recorded.
        hardware: what it was computed on, where it was recorded.
        run: the number of the study's run that computed it; 0 where nobody wrote it down.
    """

    study: str = ""
    written: str = ""
    sample_seconds: float = 0.0
    score_seconds: float = 0.0
    grid: str | None = None
    grid_sha256: str | None = None
    hardware: Hardware | None = None
    run: int = 0


class Measurements:
    """The measurements in a store.

    Args:
        measuring: what identities hold of how a configuration is measured.
        grid_key: where the sample grid of a measurement lies, where its record does not say so.
    """

    def __init__(self, measuring: Measuring, grid_key: Callable[[str, int, TrialConfig], str] | None) -> None:
        self._grid_key = grid_key
        self._names = EvaluationNames(measuring)
        self._found: dict[str, StoredMetric] = {}  # by the keys of their records, which never change

    def of(
        self, records: Records, train_id: str, config: TrialConfig, milestones: tuple[int, ...]
    ) -> dict[int, dict[str, StoredMetric]]:
        """Returns images -> metric name -> result, as ``Store.evaluations`` does.

        Args:
            records: the store's.
            train_id: the trial.
            config: how it is evaluated.
            milestones: where to look, in images seen.
        """
        found: dict[int, dict[str, StoredMetric]] = {}
        identities = self._names.of(train_id, config, milestones)
        for images in milestones:
            for name in config.evaluation.metrics:
                metric = self._one(records, train_id, config, images, name, identities[name][images])
                if metric is not None:
                    found.setdefault(images, {})[name] = metric
        return found

    def _one(
        self, records: Records, train_id: str, config: TrialConfig, images: int, name: str, expected: str
    ) -> StoredMetric | None:
        key = EvaluationRecord.key(train_id, images, name, expected)
        if (known := self._found.get(key)) is not None:
            return known
        sealed = records.find(key, EvaluationRecord)
        if sealed is None or (sealed.content.eval_id, sealed.content.name) != (expected, name):
            return None
        metric = _metric(sealed)
        if self._grid_key is not None:
            metric = replace(metric, grid=self._grid_key(train_id, images, config))
        self._found[key] = metric
        return metric


class EvaluationNames:
    """The ``eval_id`` of everything that a trial can be measured by; who follows a run asks again and again.

    Args:
        measuring: what they hold of a configuration; it is asked once for all seeds of an arm.
    """

    def __init__(self, measuring: Measuring) -> None:
        self._measuring = measuring
        self._arms: dict[tuple[object, ...], tuple[TrialConfig, dict[str, Naming]]] = {}
        self._known: dict[tuple[object, ...], dict[str, dict[int, str]]] = {}

    def of(self, train_id: str, config: TrialConfig, milestones: tuple[int, ...]) -> dict[str, dict[int, str]]:
        """Returns metric -> images -> ``eval_id``."""
        # the seeds of an arm share its sections; the config is kept, so that no other object gets their numbers
        sections = (config.model, config.diffusion, config.data, config.training, config.evaluation)
        arm = tuple(map(id, sections))
        key = (train_id, milestones, arm)
        if key not in self._known:
            if arm not in self._arms:
                namings = {name: Naming(self._measuring(config, name)) for name in config.evaluation.metrics}
                self._arms[arm] = config, namings
            self._known[key] = {name: of.names(train_id, milestones) for name, of in self._arms[arm][1].items()}
        return self._known[key]


def _metric(sealed: Sealed[EvaluationRecord]) -> StoredMetric:
    record = sealed.content
    return StoredMetric(
        name=record.name,
        value=record.value,
        floor=record.floor,
        details=record.details,
        study=record.study,
        written=sealed.written,
        sample_seconds=record.sample_seconds,
        score_seconds=record.score_seconds,
        grid=record.grid,
        grid_sha256=record.grid_sha256,
        hardware=record.hardware,
        run=record.run,
    )
