"""Which checkpoints of a store may go, and why the others stay; and freeing them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dit_core.errors import UserError, unknown
from service.analysis.missing import COLLECTOR
from service.analysis.status import StateKind
from service.analysis.summary import Summary, summarise
from service.keeping.uses import size_of, started_from
from service.records.checkpoint_keys import CheckpointKey, checkpoints
from service.records.claims import wait_until_free
from service.records.kinds import DefinitionRecord
from service.records.store import Store
from service.records.study_files import read_definition
from service.records.trial_claims import TrialClaims
from service.restored import restore

KEEP = ("final", "best", "none")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint of a trial.

    Attributes:
        trial: the trial's name, with its study.
        train_id: identity of the weights.
        images: training images seen.
        key: where it lies.
        size: in bytes; None where nobody knows.
        needed_by: why it stays, a clause each; empty where it may go.
    """

    trial: str
    train_id: str
    images: int
    key: str
    size: int | None = None
    needed_by: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        return {**vars(self), "needed_by": list(self.needed_by)}


@dataclass(frozen=True)
class Garbage:
    """What may go of a store's checkpoints.

    Attributes:
        freed: what may go, or has gone.
        kept: what stays, with the reasons.
    """

    freed: tuple[Checkpoint, ...]
    kept: tuple[Checkpoint, ...]

    @property
    def size(self) -> int | None:
        """Bytes that are freed; None where nobody knows."""
        sizes = [item.size for item in self.freed]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        return {
            "freed": [item.to_json() for item in self.freed],
            "kept": [item.to_json() for item in self.kept],
            "bytes": self.size,
        }


def planned_garbage(
    store: Store, keep: str, study: str | None = None, tell: Callable[[str], None] = lambda text: None
) -> Garbage:
    """Says which checkpoints may go; nothing is touched.

    Whatever ``keep`` is, a checkpoint stays that a measurement still starts from, that a running study may read, that
    another training starts from, or that belongs to a study with ``keep_checkpoints: all``.

    Args:
        store: the store.
        keep: ``final`` keeps the last checkpoint of every trial, ``best`` that of every study's best arm, ``none`` no
            more than what is needed.
        study: look at the checkpoints of this study only; every study's needs count all the same.
        tell: told when there is something to wait for.

    Raises:
        UserError: there is no such study, or what a study needs is not known.
    """
    if keep not in KEEP:
        raise unknown("--keep", keep, KEEP)
    store.require_writable()
    if study is not None:
        read_definition(store, study)  # says that it is not there, and what is
    reasons: dict[str, list[str]] = {}  # key -> why it stays
    trials: dict[str, str] = {}  # train_id -> a trial's name
    looked_at: set[str] = set()
    for name in store.studies():
        if not store.records.names(DefinitionRecord.folder(name)):
            continue
        try:
            prepared, _ = restore(store, name)
        except UserError as error:
            raise UserError(f"study {name!r}: what it needs is not known, so nothing is freed ({error})") from None
        summary = summarise(prepared, store, failures=store.given_up(name))
        for key, why in _needed(summary, store, keep, running=_runs(store, name, tell)):
            reasons.setdefault(key, []).append(why)
        for status in summary.statuses:
            trials.setdefault(status.train_id, f"{name}: {status.trial.name}")
            if study in (None, name):
                looked_at.add(status.train_id)
    found = [
        Checkpoint(
            trials.get(train_id, "of no study"),
            train_id,
            item.images,
            item.key,
            size_of(store, [item.key]),
            tuple(dict.fromkeys(reasons.get(item.key, ()))),
        )
        for train_id in (key.rpartition("/")[2] for key in store.records.names("trials/"))
        if train_id in looked_at or (study is None and train_id not in trials)
        for item in checkpoints(store.records, train_id)
    ]
    freed = tuple(item for item in found if not item.needed_by)
    return Garbage(freed, tuple(item for item in found if item.needed_by))


def collect_garbage(
    store: Store, keep: str, study: str | None = None, tell: Callable[[str], None] = lambda text: None
) -> Garbage:
    """Removes the checkpoints that ``planned_garbage`` names; the arguments are its.

    The weights are claimed meanwhile, as by a run. What a run trains at this moment stays, and what a study that has
    begun since needs.
    """
    planned = planned_garbage(store, keep, study, tell)
    claims = TrialClaims(store.records, COLLECTOR, 0)
    mine: dict[str, str] = {}
    for train_id in {item.train_id for item in planned.freed}:
        owner = claims.take(train_id)
        mine[train_id] = "" if owner is None else f"study {owner.study} trains it now"
    try:
        again = planned_garbage(store, keep, study, tell)  # now that nobody else begins to train them
        freed, kept = [], list(again.kept)
        for item in again.freed:
            why = mine.get(item.train_id, "it has come since")
            if why:
                kept.append(replace(item, needed_by=(why,)))
                continue
            store.records.backend.delete(item.key)
            (store.path / item.key).unlink(missing_ok=True)  # the copy of a store that is not a folder
            freed.append(item)
        return Garbage(tuple(freed), tuple(kept))
    finally:
        for train_id in mine:
            claims.release(train_id)


def _runs(store: Store, name: str, tell: Callable[[str], None]) -> bool:
    try:
        wait_until_free(store, name, tell=tell)
    except UserError:
        return True
    return False


def _needed(summary: Summary, store: Store, keep: str, *, running: bool) -> list[tuple[str, str]]:
    """Returns key -> why a study needs it, for every checkpoint that it does."""
    study, found = summary.study, []
    verdicts = summary.verdicts if keep == "best" else None
    best = verdicts.best.arm if verdicts is not None and verdicts.best is not None else None
    for keys in started_from(store, summary.prepared).values():
        found += [(key, f"study {study.name} starts from it") for key in keys]
    for status in summary.statuses:
        kept = checkpoints(store.records, status.train_id)
        if not kept:
            continue
        if running:
            found += [(item.key, f"study {study.name} is being run") for item in kept]
            continue
        if study.keep_checkpoints == "all":
            found += [(item.key, f"study {study.name} keeps all (keep_checkpoints)") for item in kept]
            continue
        if status.state.is_open or status.state.kind is StateKind.FAILED:
            measured = summary.results[status.trial.name].evaluations
            starts = {_start(kept, images) for images in study.milestones if images not in measured}
            found += [(item.key, f"study {study.name} goes on from it") for item in {kept[-1], *starts} if item]
        elif keep == "final" or (keep == "best" and status.trial.arm.name == best):
            what = "the last of its trial" if keep == "final" else f"the last of the best arm of {study.name}"
            last = {kept[-1], *(item for item in kept if item.images == study.milestones[-1])}
            found += [(item.key, what) for item in last]
    return found


def _start(kept: list[CheckpointKey], images: int) -> CheckpointKey | None:
    """The newest checkpoint at or before a measurement."""
    return next((item for item in reversed(kept) if item.images <= images), None)
