"""What of a study is damaged, missing or has a hole: the one answer that status, report, MLflow and ``verify`` give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from search_spaces.types import Expansion
from service.analysis.missing import measured, missing_measurements
from service.provenance.record import Provenance
from service.records.checkpoint_keys import checkpoints
from service.records.decisions import PlanOpened
from service.records.envelope import Record
from service.records.kinds import DefinitionRecord, DivergenceRecord, Stretch, TrialRecord
from service.records.measurements import StoredMetric
from service.records.network_counts import CountsRecord
from service.records.predictions import PredictionRecord
from service.records.results import Results, TrialResult
from service.records.store import Store


class DamageKind(StrEnum):
    """What is damaged.

    ``missing`` is a measurement that a run recorded to have made, and of which nothing is left. ``history`` is what
    nothing else rests on: how earlier runs began, ended and failed. ``counts`` are counted again wherever they are
    asked for.
    """

    CONFIGURATION = "configuration"
    CURVE = "curve"
    EVALUATION = "evaluation"
    GRID = "grid"
    MISSING = "missing"
    DIVERGENCE = "divergence"
    CHECKPOINT = "checkpoint"
    DEFINITION = "definition"
    DECISION = "decision"
    PROPOSALS = "proposals"
    COUNTS = "counts"
    HISTORY = "history"
    UNUSED = "unused"
    ORPHAN = "orphan"
    LEFTOVER = "leftover"


@dataclass(frozen=True)
class Damage:
    """One thing that is damaged.

    Attributes:
        kind: what it is.
        key: where it lies in the store; of a hole, the curve's folder.
        text: one sentence without its full stop, for people.
        study: whose it is; empty for what belongs to none.
        trials: names of the study's trials that it is of.
        train_id: identity of their weights.
        start: of a hole: images seen before it.
        images: images seen at its end, or at the evaluation or checkpoint.
    """

    kind: DamageKind
    key: str
    text: str
    study: str = ""
    trials: tuple[str, ...] = ()
    train_id: str = ""
    start: int = 0
    images: int = 0


def study_damage(
    expansion: Expansion,
    results: Results,
    store: Store,
    *,
    thorough: bool = False,
    made_by_others: frozenset[str] = frozenset(),
) -> tuple[Damage, ...]:
    """Returns what is damaged of a study, by its trials, then what belongs to the study as a whole.

    Damaged records that have been made again, beside them, are none.

    Args:
        expansion: the study, with the arms that were proposed while it ran.
        results: what the store holds of its trials.
        store: where the records are.
        thorough: compare sample grids with their hashes instead of only looking for them.
        made_by_others: segments that other studies have measured; see ``service.analysis.missing``.
    """
    made = measured(store.runs(expansion.study.name)) | made_by_others
    sharing: dict[str, list[TrialResult]] = {}
    for result in results.values():
        sharing.setdefault(result.train_id, []).append(result)
    found: list[Damage] = []
    for train_id, own in sharing.items():
        found += _TrialDamage(expansion, train_id, own, store, made).find(thorough)
    return (*found, *_of_study(expansion.study.name, store))


def trained_to(store: Store, train_id: str) -> int:
    """Returns the images up to which a trial has a checkpoint, by a listing."""
    return max((item.images for item in checkpoints(store.records, train_id)), default=0)


def short(text: str) -> str:
    """Returns a sentence with the identities in it cut to what people compare."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", text)


def holes(stretches: Iterable[Stretch], end: int) -> list[tuple[int, int]]:
    """Returns the parts of (0, ``end``] images that no stretch of the curve covers."""
    found, reached = [], 0
    for start, images in sorted((stretch.start, stretch.images) for stretch in stretches):
        if start > reached:
            found.append((reached, start))
        reached = max(reached, images)
    return [*found, (reached, end)] if reached < end else found


def tags(damages: Iterable[Damage], trial: str | None = None) -> dict[str, str]:
    """Returns the MLflow tag that names the damage of a trial, or of the whole study; ``none`` where there is none."""
    texts = [damage.text for damage in damages if trial is None or trial in damage.trials]
    return {"damage": "; ".join(texts) if texts else "none"}


class _TrialDamage:
    """Looks at the records of one training that one or several trials of a study share."""

    def __init__(
        self, expansion: Expansion, train_id: str, results: Sequence[TrialResult], store: Store, made: frozenset[str]
    ) -> None:
        self._milestones, self._study, self._made = expansion.study.milestones, expansion.study.name, made
        self._train_id, self._results, self._store = train_id, results, store
        self._evaluations = [
            item.evaluations  # all there can be, found whole
            if len(item.evaluations) == len(self._milestones)
            else store.evaluations(train_id, item.trial.config, self._milestones)
            for item in results
        ]

    def find(self, thorough: bool) -> Iterator[Damage]:
        known = self._store.records.damaged
        saved = trained_to(self._store, self._train_id)  # before the curve is read, which is recorded earlier
        stretches = self._store.spans(self._train_id)
        diverged = self._store.divergence(self._train_id)
        measured = max((images for found in self._evaluations for images in found), default=0)
        end = max([saved, measured, diverged.images if diverged else 0, *(item.images for item in stretches)])
        key = TrialRecord.key(self._train_id)
        if self._store.trial(self._train_id) is None and (key in known or end):
            why = known.get(key, f"{key}: it is missing")
            yield self._damage(DamageKind.CONFIGURATION, key, f"the recorded configuration is lost ({why})")
        yield from self._curve(stretches, end)
        yield from self._measurements()
        for gone in missing_measurements(self._results, self._milestones, self._made, self._store):
            text = f"{', '.join(gone.metrics)} at {gone.images:,} images was measured, and is missing now"
            yield self._damage(DamageKind.MISSING, gone.key, text, images=gone.images)
        yield from self._grids(thorough)
        key = DivergenceRecord.key(self._train_id)
        if diverged is None and key in known:
            text = f"the record of its divergence is damaged ({known[key]})"
            yield self._damage(DamageKind.DIVERGENCE, key, text, images=end)

    def _curve(self, stretches: Sequence[Stretch], end: int) -> Iterator[Damage]:
        folder = Stretch.folder(self._train_id)
        lost = [why for key, why in self._store.records.damaged.items() if key.startswith(folder)]
        for start, images in holes(stretches, end):
            why = f" ({'; '.join(lost)})" if lost else ""
            text = f"the training curve has a hole from {start:,} to {images:,} images{why}"
            yield self._damage(DamageKind.CURVE, folder, text, start=start, images=images)

    def _measurements(self) -> Iterator[Damage]:
        folder = f"trials/{self._train_id}/evaluations/"
        for key, why in list(self._store.records.damaged.items()):
            match = _EVALUATION.match(key.removeprefix(folder)) if key.startswith(folder) else None
            if match and int(match["images"]) in self._milestones:
                images = int(match["images"])
                text = f"{match['metric']} at {images:,} images is damaged ({why})"
                yield self._damage(DamageKind.EVALUATION, key, text, images=images)

    def _grids(self, thorough: bool) -> Iterator[Damage]:
        wanted = {
            metric.grid: (images, metric)
            for found in self._evaluations
            for images, metrics in found.items()
            for metric in metrics.values()
            if isinstance(metric, StoredMetric) and metric.grid is not None
        }
        there = set(self._store.records.names(f"trials/{self._train_id}/grids/")) if wanted and not thorough else set()
        for key, (images, metric) in wanted.items():
            suspect = key not in there or key in self._store.records.damaged
            if suspect and self._store.grid({metric.name: metric}) is None:  # a listing may be behind
                text = f"the sample grid at {images:,} images is missing or damaged ({key})"
                yield self._damage(DamageKind.GRID, key, text, images=images)

    def _damage(self, kind: DamageKind, key: str, text: str, *, start: int = 0, images: int = 0) -> Damage:
        names = tuple(result.trial.name for result in self._results)
        shown = names[0] if len(names) == 1 else f"{names[0]} (and {len(names) - 1} that share its weights)"
        return Damage(kind, key, short(f"{shown}: {text}"), self._study, names, self._train_id, start, images)


def _of_study(study: str, store: Store) -> Iterator[Damage]:
    """What of a study's own records was met damaged; that of its definitions, runs and failures is asked for here."""
    definitions = store.records.numbered(DefinitionRecord.folder(study), DefinitionRecord)
    store.failures(study), store.given_up(study)  # its runs have been read above
    asked: dict[str, type[Record]] = {
        "decisions": PlanOpened,
        "provenance": Provenance,
        "predictions": PredictionRecord,
        "counts": CountsRecord,
    }
    for part, record in asked.items():
        for key in store.records.list(f"studies/{study}/{part}/"):
            store.records.find(key, record)
    folder = f"studies/{study}/"
    for key, why in list(store.records.damaged.items()):
        if not key.startswith(folder):
            continue
        what = key.removeprefix(folder).split("/")[0]
        kind, text = _KINDS.get(what, DamageKind.HISTORY), f"{_NAMES.get(what, what)} ({why})"
        newest = f"{definitions.last:04d}.json"
        if kind is DamageKind.DEFINITION and not key.endswith(f"/{newest}"):
            kind, text = DamageKind.HISTORY, f"an earlier definition is damaged ({why})"
        yield Damage(kind, key, text, study)


_EVALUATION = re.compile(r"(?P<images>\d+)-(?P<metric>.+)-[0-9a-f]+\.json$")
_KINDS = {
    "definitions": DamageKind.DEFINITION,
    "decisions": DamageKind.DECISION,
    "proposals": DamageKind.PROPOSALS,
    "counts": DamageKind.COUNTS,
}
_NAMES = {
    "definitions": "the newest definition is damaged, the one before it is shown",
    "decisions": "a decision is damaged",
    "proposals": "the arms proposed at one question are damaged",
    "claims": "the record of a run's beginning is damaged",
    "runs": "the record of a run's end is damaged",
    "given-up": "the record of a trial that was given up is damaged",
    "failures": "the record of a failed segment is damaged",
    "provenance": "the record of where a run came from is damaged",
    "predictions": "the record of what a run was thought to take is damaged",
    "counts": "the record of what its networks cost is damaged, so it is counted again",
}
