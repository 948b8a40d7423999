"""Looks at everything in a store that lies where records belong, whoever refers to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dit_core.files import abandoned
from service.analysis.damage import Damage, DamageKind, short
from service.records.checkpoint_keys import checkpoints
from service.records.envelope import CorruptRecord, Record, moved
from service.records.kinds import DivergenceRecord, EvaluationRecord, Stretch, TrialClaim, TrialRecord, TrialRelease
from service.records.store import Store
from service.verify.checkpoints import check_key


def trial_ids(store: Store) -> list[str]:
    """Returns the identities of all trials that have a folder, by a listing."""
    return [key.rpartition("/")[2] for key in store.records.names("trials/")]


def trial_records(store: Store, train_id: str, *, curve: bool) -> Iterator[Damage]:
    """Yields every damaged record of a trial, whether or not a study asks for it, and orphans.

    Args:
        store: the store.
        train_id: the trial.
        curve: look at the records of its curve, too; a study that has the trial names holes instead.
    """
    folder = f"trials/{train_id}/"
    kinds: dict[str, type[Record]] = {
        TrialRecord.key(train_id): TrialRecord,
        DivergenceRecord.key(train_id): DivergenceRecord,
        **dict.fromkeys(store.records.list(f"{folder}evaluations/"), EvaluationRecord),
        **dict.fromkeys(store.records.list(TrialClaim.folder(train_id)), TrialClaim),
        **dict.fromkeys(store.records.list(f"{folder}releases/"), TrialRelease),
    }
    for key, kind in kinds.items():
        try:
            store.records.get(key, kind)
        except CorruptRecord as error:
            yield Damage(DamageKind.UNUSED, key, short(str(error)), train_id=train_id)
    if curve:
        store.curve(train_id)
    for key, why in list(store.records.damaged.items()):
        if curve and key.startswith(Stretch.folder(train_id)):
            yield Damage(DamageKind.UNUSED, key, short(why), train_id=train_id)
    for part in ("", "evaluations/", "curve/"):
        yield from (replace(damage, train_id=train_id) for damage in orphans(store, folder + part))


def orphans(store: Store, folder: str) -> Iterator[Damage]:
    """Yields records that were made again beside a damaged one that is gone: nobody finds them by their key."""
    names = set(store.records.names(folder))
    for key in sorted(names):
        base = first_of(key)
        if base != key and base not in names and store.records.backend.get(base) is None:
            text = f"{short(key)}: it stands beside {base.rpartition('/')[2]}, which is gone"
            try:
                moved(store.records.backend.get(key) or b"", key, base)
            except (CorruptRecord, OSError):
                yield Damage(DamageKind.UNUSED, key, f"{text}, and is damaged itself")
            else:
                yield Damage(DamageKind.ORPHAN, key, text)


def first_of(key: str) -> str:
    """Returns the key that a record made again (``<key>~1.json``) stands in for."""
    stem, dot, ending = key.rpartition(".")
    head, mark, number = stem.rpartition("~")
    return f"{head}{dot}{ending}" if mark and number.isdecimal() else key


def sound_checkpoints(store: Store, train_id: str, damages: list[Damage]) -> dict[int, str]:
    """Reads a trial's checkpoints.

    Args:
        store: the store.
        train_id: the trial.
        damages: gets what is damaged.

    Returns:
        images -> key, for those that are whole.
    """
    found: dict[int, str] = {}
    for item in reversed(checkpoints(store.records, train_id)):  # a kept one before a partial one
        images, key = item.images, item.key
        problem = check_key(store, key, images).problem
        if problem is None:
            found.setdefault(images, key)
        else:
            text = f"the checkpoint at {images:,} images is damaged ({short(key)}: {problem})"
            damages.append(Damage(DamageKind.CHECKPOINT, key, text, train_id=train_id, images=images))
    return found


def leftovers(store: Store) -> Iterator[Damage]:
    """Yields the temporary files of writers that were killed."""
    if store.format == 1 or not isinstance(getattr(store.records.backend, "root", None), Path):
        return  # on S3 nothing is written in parts
    for path in abandoned(store.path):
        key = str(path.relative_to(store.path))
        yield Damage(DamageKind.LEFTOVER, key, f"{short(key)}: left by a writer that was killed")
