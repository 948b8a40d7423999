"""Removes a study from a store, with the weights that no other study needs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.keeping.uses import keys_below, others_need, size_of, weights_of
from service.records.claims import claim_study, wait_until_free
from service.records.kinds import Claim, DefinitionRecord
from service.records.store import Store
from service.records.study_files import read_definition
from service.records.trial_claims import TrialClaims


@dataclass(frozen=True)
class Removal:
    """What goes with a study, and what stays.

    Attributes:
        study: the study.
        weights: identities of the weights that go, with everything recorded of them.
        kept: identity of weights that stay -> the studies that need them.
        size: bytes that are freed; None where nobody knows.
    """

    study: str
    weights: tuple[str, ...]
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    size: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        kept = {train_id: list(studies) for train_id, studies in self.kept.items()}
        return {"study": self.study, "weights": list(self.weights), "kept": kept, "bytes": self.size}


def planned_removal(store: Store, name: str, tell: Callable[[str], None] = lambda text: None) -> Removal:
    """Returns what would be removed with a study; nothing is touched.

    Args:
        store: the store.
        name: the study.
        tell: told when there is something to wait for.

    Raises:
        UserError: there is no such study, it is being run, or what another study needs is not known.
    """
    store.require_writable()
    read_definition(store, name)  # says that it is not there, and what is
    wait_until_free(store, name, tell=tell)
    return _planned(store, name)


def remove_study(store: Store, name: str, tell: Callable[[str], None] = lambda text: None) -> Removal:
    """Removes a study and the weights that no other study needs; returns what was removed.

    The study is claimed meanwhile, so that no run of it begins. Weights that another run trains at this moment stay.
    What is interrupted can be begun again: the study's definition goes last.

    Raises:
        UserError: as for ``planned_removal``.
    """
    planned_removal(store, name, tell)
    claim = claim_study(store, name, tell=tell)
    try:
        planned = _planned(store, name)  # anew: another study may have begun meanwhile
        claims = TrialClaims(store.records, name, claim.run)
        gone, kept = [], dict(planned.kept)
        for train_id in planned.weights:
            owner = claims.take(train_id)
            if owner is not None:
                kept[train_id] = (owner.study,)
                continue
            _delete(store, f"trials/{train_id}/")
            gone.append(train_id)
        _delete(store, f"studies/{name}/", (DefinitionRecord.folder(name), Claim.folder(name)))
        return Removal(name, tuple(gone), kept, planned.size)
    finally:
        claim.end()


def _planned(store: Store, name: str) -> Removal:
    needed, own = others_need(store, name), sorted(weights_of(store, name))
    gone = tuple(train_id for train_id in own if train_id not in needed)
    folders = [f"studies/{name}/", *(f"trials/{train_id}/" for train_id in gone)]
    size = size_of(store, (key for folder in folders for key in keys_below(store, folder)))
    return Removal(name, gone, {key: tuple(needed[key]) for key in own if key in needed}, size)


def _delete(store: Store, folder: str, last: tuple[str, ...] = ()) -> None:
    """Removes everything below a folder; what is below ``last`` goes last, in this order."""
    keys = sorted(keys_below(store, folder), key=lambda key: [key.startswith(late) for late in last])
    for key in keys:
        if not (store.path / key).is_dir():
            store.records.backend.delete(key)
    shutil.rmtree(store.path / folder, ignore_errors=True)  # empty folders, and the copies of a store on S3
