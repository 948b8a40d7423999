"""Reads a whole store, or a study of it, and says what is damaged and what it costs to make it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dit_core.errors import UserError
from search_spaces.types import Expansion, Trial
from service.analysis.damage import Damage, DamageKind, study_damage
from service.analysis.missing import Runs, measured_by_others, measuring, missing_checkpoint
from service.analysis.standing import Standing, standing
from service.records import study_files
from service.records.kinds import DefinitionRecord, StoreIdentity
from service.records.store import Store
from service.restored import restore
from service.verify.costs import Costs
from service.verify.finding import Finding, Remedy
from service.verify.scan import leftovers, orphans, sound_checkpoints, trial_ids, trial_records

FOLDERS = ("definitions", "claims", "runs", "failures", "decisions", "proposals", "provenance", "predictions", "counts")


@dataclass
class Verdict:
    """What came of reading a store.

    Attributes:
        findings: what is damaged, in the order in which it is made again best.
        studies: names of the studies that were read.
        trials: trials whose records were read.
        checkpoints: checkpoints that were read and are whole.
        sound: train_id -> images -> key of its whole checkpoints.
        standings: study -> how it stands, for those whose definition can be read.
    """

    findings: list[Finding] = field(default_factory=list)
    studies: list[str] = field(default_factory=list)
    trials: int = 0
    checkpoints: int = 0
    sound: dict[str, dict[int, str]] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether nothing that results rest on is damaged."""
        return not any(finding.counts for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        return {
            "sound": self.is_sound,
            "studies": self.studies,
            "trials": self.trials,
            "checkpoints": self.checkpoints,
            "damage": [finding.to_json() for finding in self.findings],
        }


def verify(store: Store, study: str | None = None, *, progress: Callable[[str], None] | None = None) -> Verdict:
    """Reads records, sample grids and checkpoints, and writes nothing.

    Args:
        store: the store. A new one, so that nothing is taken from what was read before.
        study: look at this study and its trials only.
        progress: told what is being read.

    Raises:
        UserError: the store has no such study.
    """
    return _Inspection(store, progress or (lambda _: None)).run(study)


class _Inspection:
    def __init__(self, store: Store, progress: Callable[[str], None]) -> None:
        self._store, self._progress = store, progress
        self._verdict = Verdict()
        self._damages: list[Damage] = []
        self._runs: dict[str, Runs] = {}
        self._cost_of: dict[str, Costs] = {}
        self._of: dict[str, tuple[str, Expansion, tuple[Trial, ...]]] = {}  # train_id -> who has it

    def run(self, study: str | None) -> Verdict:
        if self._store.format != 1:
            self._runs = {name: self._store.runs(name) for name in self._store.studies()}
        names = [study] if study is not None else self._store.studies()
        for name in names:
            self._progress(f"study {name}")
            if study is not None and not study_files.lost_definition(self._store, name):
                study_files.read_definition(self._store, name)  # says that there is none, and what there is
            self._study(name)
        for train_id in self._of if study is not None else dict.fromkeys([*self._of, *trial_ids(self._store)]):
            self._trial(train_id)
        if study is None:
            self._of_store()
        self._verdict.studies = names
        self._verdict.findings = [self._finding(damage) for damage in _once(self._damages)]
        return self._verdict

    def _study(self, name: str) -> None:
        for part in FOLDERS:
            found = orphans(self._store, f"studies/{name}/{part}/")
            self._damages += [replace(damage, study=name) for damage in found]
        try:
            prepared, _ = restore(self._store, name)
        except UserError as error:
            lost = study_files.lost_definition(self._store, name)
            if lost or study_files.is_defined(self._store, name):
                key = f"{DefinitionRecord.folder(name)}0001.json"
                text = f"study {name!r}: its definition {lost}" if lost else f"study {name!r} cannot be read ({error})"
                if lost and not study_files.has_file(self._store, name):
                    text += f"; {study_files.way_back(self._store, name)}"
                self._damages.append(Damage(DamageKind.DEFINITION, key, text, name))
            return
        known = standing(prepared, self._store, self._store.given_up(name))
        self._verdict.standings[name] = known
        expansion = known.prepared.expansion
        ids, wanted = known.prepared.train_ids, known.plan.wanted  # what it does not want, another study misses
        others = measured_by_others(self._store, name, self._runs)
        others &= {measuring(trial, ids[trial.name], images) for trial, images in wanted} if others else set()
        self._damages += study_damage(expansion, known.results, self._store, thorough=True, made_by_others=others)
        sharing: dict[str, list[Trial]] = {}
        for result in known.results.values():
            sharing.setdefault(result.train_id, []).append(result.trial)
        for train_id, trials in sharing.items():
            self._of.setdefault(train_id, (name, expansion, tuple(trials)))

    def _trial(self, train_id: str) -> None:
        self._progress(f"trial {train_id[:12]}")
        self._verdict.trials += 1
        found: list[Damage] = []
        sound = {} if self._store.format == 1 else sound_checkpoints(self._store, train_id, found)
        self._verdict.sound[train_id] = sound
        self._verdict.checkpoints += len(sound)
        found += trial_records(self._store, train_id, curve=train_id not in self._of)
        if train_id in self._of:
            if (images := missing_checkpoint(self._store, train_id, self._runs)) is not None:
                key = f"trials/{train_id}/checkpoints/{images:012d}.safetensors"
                text = f"the checkpoint at {images:,} images is missing, and was not freed by `gc`"
                found.append(Damage(DamageKind.CHECKPOINT, key, text, train_id=train_id, images=images))
            study, _, trials = self._of[train_id]
            names = tuple(trial.name for trial in trials)
            found = [
                replace(damage, study=study, trials=names, text=f"{names[0]}: {damage.text}")
                if damage.kind is DamageKind.CHECKPOINT
                else damage
                for damage in found
            ]
        self._damages += found

    def _of_store(self) -> None:
        self._damages += leftovers(self._store)
        if self._store.format != 1:
            self._store.records.find(StoreIdentity.KEY, StoreIdentity)
            why = self._store.records.damaged.get(StoreIdentity.KEY)
            if why is not None:
                self._damages.append(Damage(DamageKind.UNUSED, StoreIdentity.KEY, f"the store's identity ({why})"))

    # -- what it costs ----------------------------------------------------------------------------

    def _finding(self, damage: Damage) -> Finding:
        remedy = _REMEDIES[damage.kind]
        if damage.kind is DamageKind.DEFINITION and not study_files.has_file(self._store, damage.study):
            remedy = Remedy.RUN
        if damage.train_id not in self._of or remedy not in (Remedy.TRAIN, Remedy.RUN):
            return Finding(damage, _unowned(remedy) if damage.train_id not in self._of else remedy)
        study, _, trials = self._of[damage.train_id]
        sound = self._verdict.sound.get(damage.train_id, {})
        measured = damage.kind in (DamageKind.EVALUATION, DamageKind.GRID, DamageKind.MISSING)
        if damage.kind is DamageKind.CHECKPOINT:
            sound = {images: key for images, key in sound.items() if images < damage.images}
        limit = damage.start if damage.kind is DamageKind.CURVE else damage.images
        start = max((images for images in sound if images <= limit), default=0)
        images = damage.images - start
        costs = self._costs(study)
        training = costs.training(trials[0], damage.train_id, images)
        evaluation = costs.evaluation(trials[0]) if measured else 0.0
        seconds = None if training is None or evaluation is None else training + evaluation
        if measured and images == 0 and remedy is Remedy.TRAIN:
            remedy = Remedy.EVALUATE
        return Finding(damage, remedy, start, damage.images, seconds, costs.gmacs(trials[0], images))

    def _costs(self, study: str) -> Costs:
        if study not in self._cost_of:
            known = self._verdict.standings[study]
            self._cost_of[study] = Costs(known.prepared.expansion, known.results, self._store)
        return self._cost_of[study]


def _once(damages: Sequence[Damage]) -> Iterable[Damage]:
    """Names each thing once: what several studies have in common is named by the first of them."""
    found: dict[tuple[str, int, int], Damage] = {}
    for damage in damages:
        found.setdefault((damage.key, damage.start, damage.images if damage.kind is DamageKind.CURVE else 0), damage)
    return sorted(found.values(), key=lambda damage: _ORDER[damage.kind])


def _unowned(remedy: Remedy) -> Remedy:
    """Without a study that asks for it nothing can be trained or evaluated again, and nothing needs it."""
    return Remedy.NONE if remedy is Remedy.TRAIN else remedy


_REMEDIES: Mapping[DamageKind, Remedy] = {
    DamageKind.ORPHAN: Remedy.RECORD,
    DamageKind.CONFIGURATION: Remedy.RECORD,
    DamageKind.DEFINITION: Remedy.RECORD,
    DamageKind.DECISION: Remedy.RECORD,
    DamageKind.COUNTS: Remedy.RECORD,
    DamageKind.CHECKPOINT: Remedy.TRAIN,
    DamageKind.EVALUATION: Remedy.TRAIN,
    DamageKind.GRID: Remedy.TRAIN,
    DamageKind.CURVE: Remedy.TRAIN,
    DamageKind.MISSING: Remedy.RUN,
    DamageKind.DIVERGENCE: Remedy.RUN,
    DamageKind.PROPOSALS: Remedy.RUN,
    DamageKind.HISTORY: Remedy.NONE,
    DamageKind.UNUSED: Remedy.NONE,
    DamageKind.LEFTOVER: Remedy.RECORD,
}
_ORDER = {kind: number for number, kind in enumerate(_REMEDIES)}
