"""Which checkpoints are kept: the newest, each study's last, and those from which a missing measurement starts.

A checkpoint is needed while a study that is defined in the store lacks a measurement that starts from it: the newest
one at or before that point. The others are removed by the run that holds the claim on the weights, once it has settled
a segment of theirs; a run that was superseded removes nothing. Trials that no run touches are left as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from dit_core.errors import UserError
from search_spaces.types import Trial
from service.analysis.standing import standing
from service.engine.ledger import Ledger
from service.preflight import Prepared
from service.records.checkpoint_keys import CheckpointKey, checkpoints
from service.records.kinds import DefinitionRecord
from service.records.results import TrialResult, collect_trial
from service.records.store import Store
from service.restored import restore

REFRESH_SECONDS = 10.0
"""Pause between two looks at which other studies there are."""


@dataclass(frozen=True)
class Need:
    """What a study needs of some weights' checkpoints.

    Attributes:
        missing: images at which it lacks a measurement.
        last: images of its last measurement.
        everything: whether it keeps all of them.
    """

    missing: frozenset[int]
    last: int
    everything: bool = False


def superfluous(found: Iterable[CheckpointKey], needs: Iterable[Need]) -> list[CheckpointKey]:
    """Returns the checkpoints that nobody needs any more, from a trial's and what every study needs of them."""
    found, needs = list(found), list(needs)
    if len(found) < 2 or any(need.everything for need in needs):
        return []
    kept = {max(item.images for item in found)}
    for need in needs:
        kept.add(need.last)
        for images in need.missing:
            kept.add(max((item.images for item in found if item.images <= images), default=0))
    return [item for item in found if item.images not in kept]


class Retention:
    """Removes checkpoints that nobody needs any more.

    Args:
        ledger: the book-keeping of the study that runs.
        store: the store.
    """

    def __init__(self, ledger: Ledger, store: Store) -> None:
        self._ledger, self._store = ledger, store
        self._others: dict[str, tuple[tuple[str, ...], Prepared]] = {}  # study -> its definitions, and what they say
        self._refreshed = -1e9
        self._unreadable: set[str] = set()

    def tidy(self, train_id: str) -> None:
        """Removes what is superfluous of a trial whose weights this run has claimed."""
        if self._ledger.study.keep_checkpoints == "all":
            return
        try:
            found = checkpoints(self._store.records, train_id)
            if len(found) < 2:
                return
            self._refresh()
            if self._unreadable:
                return
            for item in superfluous(found, self._needs(train_id)):
                superseded = self._store.superseded(self._ledger.study.name, self._ledger.run)
                if superseded or not self._ledger.holds(train_id):
                    return
                self._store.records.backend.delete(item.key)
                (self._store.path / item.key).unlink(missing_ok=True)  # the copy of a store that is not a folder
        except OSError as error:  # it is tried again after the next segment
            self._say(f"checkpoints that are not needed any more could not be removed: {error}")

    def _say(self, sentence: str) -> None:
        if sentence not in self._ledger.messages:
            self._ledger.messages.append(sentence)

    def _needs(self, train_id: str) -> Iterator[Need]:
        yield from _needs(self._ledger.prepared, train_id, lambda trial: self._ledger.results[trial.name])
        for _, prepared in self._others.values():
            milestones = prepared.expansion.study.milestones
            read = partial(collect_trial, store=self._store, train_id=train_id, milestones=milestones)
            yield from _needs(prepared, train_id, read)

    def _refresh(self) -> None:
        """Reads the definitions of other studies, where there are new ones."""
        if time.monotonic() - self._refreshed < REFRESH_SECONDS:
            return
        self._refreshed = time.monotonic()
        self._unreadable.clear()
        for name in self._store.studies():
            definitions = tuple(self._store.records.names(DefinitionRecord.folder(name)))
            if name == self._ledger.study.name or not definitions:
                continue
            if name in self._others and self._others[name][0] == definitions:
                continue
            try:
                self._others[name] = definitions, self._read(name)
            except UserError as error:
                self._unreadable.add(name)
                self._say(f"no checkpoint is removed: what the study {name!r} needs is not known ({error})")

    def _read(self, name: str) -> Prepared:
        prepared, _ = restore(self._store, name)
        return standing(prepared, self._store).prepared  # with the arms that were proposed while it ran


def _needs(prepared: Prepared, train_id: str, result_of: Callable[[Trial], TrialResult]) -> Iterator[Need]:
    study = prepared.expansion.study
    for trial in prepared.expansion.trials:
        if prepared.train_ids.get(trial.name) != train_id:
            continue
        result = result_of(trial)
        ended = None if result.diverged is None else result.diverged.images
        missing = frozenset(
            images
            for images in study.milestones
            if images not in result.evaluations and (ended is None or images < ended)
        )
        yield Need(missing, study.milestones[-1], everything=study.keep_checkpoints == "all")
