"""Which weights a study needs, and where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from dit_core.errors import UserError
from service.analysis.standing import standing
from service.preflight import Prepared
from service.records.kinds import DefinitionRecord
from service.records.store import Store
from service.restored import restore


def prepared_of(store: Store, name: str) -> Prepared:
    """Returns a study as its records have it, with the arms that were proposed while it ran.

    Raises:
        UserError: the store has no such study, or one that cannot be read.
    """
    prepared, _ = restore(store, name)
    return standing(prepared, store).prepared


def weights_of(store: Store, name: str, prepared: Prepared | None = None) -> frozenset[str]:
    """Returns the identities of all weights that a study has trained or would train, by any of its definitions.

    Weights that it starts from count, too, where they are a checkpoint of this store.

    Raises:
        UserError: the study cannot be read, so that nobody knows what it needs.
    """
    prepared = prepared_of(store, name) if prepared is None else prepared
    found = set(prepared.train_ids.values())
    for definition in store.records.numbered(DefinitionRecord.folder(name), DefinitionRecord).contents:
        found |= set(definition.train_ids.values())
    return frozenset(found | set(started_from(store, prepared)))


def started_from(store: Store, prepared: Prepared) -> dict[str, set[str]]:
    """Returns identity -> keys of the checkpoints of this store that a study's trainings start from."""
    found: dict[str, set[str]] = {}
    trials = (store.path / "trials").resolve()
    for arm in prepared.expansion.arms:
        given = arm.config.training.initial_weights
        path = Path(given).expanduser().resolve() if given is not None else None
        if path is not None and path.is_relative_to(trials) and len(path.relative_to(trials).parts) > 1:
            train_id = path.relative_to(trials).parts[0]
            found.setdefault(train_id, set()).add(f"trials/{path.relative_to(trials).as_posix()}")
    return found


def others_need(store: Store, name: str) -> dict[str, list[str]]:
    """Returns identity of weights -> the other studies of the store that need them.

    Raises:
        UserError: what another study needs is not known.
    """
    found: dict[str, list[str]] = {}
    for other in store.studies():
        if other == name or not store.records.names(DefinitionRecord.folder(other)):
            continue
        try:
            needed = weights_of(store, other)
        except UserError as error:
            raise UserError(f"study {other!r}: what it needs is not known, so nothing is removed ({error})") from None
        for train_id in needed:
            found.setdefault(train_id, []).append(other)
    return found


def keys_below(store: Store, folder: str) -> Iterator[str]:
    """Yields every key below a folder, e.g. ``studies/tiny/``, however deep."""
    for key in store.records.backend.list(folder):
        below = list(keys_below(store, f"{key}/"))
        yield from below or [key]


def size_of(store: Store, keys: Iterable[str]) -> int | None:
    """Returns the bytes that lie under keys; None for a store that is no folder."""
    total = 0
    for key in keys:
        path = store.shown(key)
        if not isinstance(path, Path):
            return None
        total += path.stat().st_size if path.is_file() else 0
    return total
