"""Which measurements and checkpoints are gone, although a run recorded at its end that it had made them.

A run's record names every segment that it finished. So a measurement that is gone is told from one that was never made;
of a run that was killed nobody can tell. Nothing is missed that may rightly be gone: measurements go with the last
study that has their weights, checkpoints go where a run or ``gc`` frees them, and a bundle may come without weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from search_spaces.types import Trial
from service.records.checkpoint_keys import checkpoints
from service.records.kinds import DefinitionRecord, RunRecord, TrialClaim
from service.records.results import TrialResult
from service.records.segment_names import read_name, segment_name, weights_in
from service.records.store import Store

COLLECTOR = "gc"
"""Weights whose checkpoints are freed are claimed under this name."""

Runs = Mapping[int, RunRecord]


@dataclass(frozen=True)
class Missing:
    """Measurements of some weights at one point that are gone.

    Attributes:
        images: the point.
        metrics: their names.
        key: where the first of them lay.
    """

    images: int
    metrics: tuple[str, ...]
    key: str


def measured(runs: Runs) -> frozenset[str]:
    """Returns the names of the segments that these runs have measured; one that was stopped before is none."""
    return frozenset(item.segment for run in runs.values() for item in run.timings if item.sample + item.score > 0)


def measured_by_others(store: Store, study: str, runs: Mapping[str, Runs]) -> frozenset[str]:
    """Returns what the other studies of a store have measured, of the weights that are kept for them.

    Args:
        store: the store.
        study: the one that is not meant.
        runs: every study's runs.
    """
    found: set[str] = set()
    for name, own in runs.items():
        made = measured(own) if name != study else ()
        if made:
            definitions = store.records.numbered(DefinitionRecord.folder(name), DefinitionRecord).contents
            kept = {weights_in(train_id) for definition in definitions for train_id in definition.train_ids.values()}
            found |= {segment for segment in made if read_name(segment)[0] in kept}
    return frozenset(found)


def missing_measurements(
    results: Sequence[TrialResult], milestones: Iterable[int], made: frozenset[str], store: Store
) -> Iterator[Missing]:
    """Yields what was measured of one training and is gone.

    Args:
        results: the trials of a study that share the training.
        milestones: the study's.
        made: the segments that were measured.
        store: the store.
    """
    for images in milestones if made else ():
        lacking = [item for item in results if images not in item.evaluations]
        if not any(measuring(item.trial, item.train_id, images) in made for item in lacking):
            continue
        asked = [item for item in results if measuring(item.trial, item.train_id, images) in made]
        there = _there(store, results[0].train_id, images)
        gone: dict[str, str] = {}  # key -> metric
        for result in (item for item in lacking if item in asked):
            config = result.trial.config
            for metric in config.evaluation.metrics:
                key = store.evaluation_key(result.train_id, config, images, metric)
                same = [item.trial for item in asked if metric in item.trial.config.evaluation.metrics]
                ways = {measuring(trial, result.train_id, images) for trial in same}
                # with other code a metric is measured anew, under another name: then there are as many as there were
                if key not in there and sum(_metric(other) == metric for other in there) < len(ways):
                    gone[key] = metric
        if gone:
            yield Missing(images, tuple(dict.fromkeys(gone.values())), next(iter(gone)))


def missing_checkpoint(store: Store, train_id: str, runs: Mapping[str, Runs]) -> int | None:
    """Returns the images of a training's newest checkpoint where it is gone and nobody has freed it.

    Args:
        store: the store.
        train_id: the training.
        runs: every study's runs.
    """
    saved = max((item.images for item in checkpoints(store.records, train_id)), default=0)  # `gc` claims, then frees
    claims = store.records.numbered(TrialClaim.folder(train_id), TrialClaim).contents
    freed = max((place for place, claim in enumerate(claims) if claim.study == COLLECTOR), default=-1)
    last = 0
    for study, number in {(claim.study, claim.run) for claim in claims[freed + 1 :]}:
        run = runs.get(study, {}).get(number)
        for segment in measured({number: run}) if run is not None else ():
            weights, until = read_name(segment)
            last = max(last, until if weights == weights_in(train_id) else 0)
    return last if saved < last else None


def measuring(trial: Trial, train_id: str, images: int) -> str:
    """Returns the name of the segment that measures a trial."""
    config = trial.config.model_dump(mode="json", include={"evaluation": True, "data": True})
    return segment_name(train_id, images, config)


def _there(store: Store, train_id: str, images: int) -> set[str]:
    """Returns the keys of the measurements at a point, damaged ones and those made again beside them included."""
    folder = f"trials/{train_id}/evaluations/"
    return {
        re.sub(r"~\d+(?=\.json$)", "", key)
        for key in store.records.names(folder)
        if key.startswith(f"{folder}{images:012d}-") and key.endswith(".json")
    }


def _metric(key: str) -> str:
    """The metric that a measurement's key names."""
    return key.rpartition("/")[2].partition("-")[2].rpartition("-")[0]
