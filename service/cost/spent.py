"""What the runs of a study have spent."""

from __future__ import annotations

from collections.abc import Iterable

from search_spaces.types import Expansion
from service.records.measurements import StoredMetric
from service.records.results import Results
from service.records.store import Store


def device_seconds(study: str, store: Store) -> float | None:
    """Returns the seconds that workers were up in all runs of a study that ended by themselves; None without a run."""
    told = [run.device_seconds for run in store.runs(study).values() if run.device_seconds is not None]
    return sum(told) if told else None


def spent_before(expansion: Expansion, store: Store, results: Results) -> float:
    """Returns the device seconds of all runs of a study so far.

    Of a run that was killed nobody knows how long its workers were up; what it has recorded counts.

    Args:
        expansion: the study.
        store: where its records are.
        results: what is known of its trials.
    """
    name = expansion.study.name
    runs = store.runs(name)
    told = {number: run.device_seconds for number, run in runs.items() if run.device_seconds is not None}
    silent = set(range(1, store.last_run(name) + 1)) - set(told)
    return sum(told.values()) + (_recorded(expansion, store, results, silent) if silent else 0.0)


def _recorded(expansion: Expansion, store: Store, results: Results, runs: Iterable[int]) -> float:
    study, wanted = expansion.study, set(runs)
    seconds = 0.0
    for identity in {result.train_id for result in results.values()}:
        mine = (piece for piece in store.spans(identity) if piece.study == study.name and piece.run in wanted)
        seconds += sum(piece.seconds for piece in mine)
    for result in results.values():
        for metrics in result.evaluations.values():
            for metric in metrics.values():
                if isinstance(metric, StoredMetric) and metric.study == study.name and metric.run in wanted:
                    seconds += metric.sample_seconds + metric.score_seconds
    return seconds * study.resources.workers
