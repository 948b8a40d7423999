"""Takes a bundle into a store. What is in it is checked before anything is written, and nothing there is replaced."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from dit_core.files import make_folder, replacing
from service.keeping.bundle import Manifest, read_manifest
from service.records.kinds import DefinitionRecord, Stretch
from service.records.place import Place
from service.records.store import Store
from service.records.study_files import is_defined


@dataclass(frozen=True)
class TakenIn:
    """What came of a bundle.

    Attributes:
        study: the study that the store has now.
        new: files that were written.
        known: trials of which the store had a curve already; its own records stand.
        weights: checkpoints among the new files.
    """

    study: str
    new: int
    known: tuple[str, ...]
    weights: int

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        return {"study": self.study, "files": self.new, "known": list(self.known), "weights": self.weights}


def import_bundle(place: Place, path: Path) -> TakenIn:
    """Takes a study's bundle into a store, which keeps its own identity and is made once the bundle is sound.

    Records are written as they were, so that nothing is trained or measured again. Where the store has a trial of its
    own, its records stand and what it lacks is added. The study's definition is written last: until then the study is
    not there, and the import can be begun again.

    Raises:
        UserError: the file is no sound bundle, or the store has a study of that name.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = read_manifest(archive, path)
            store = Store(place)
            store.require_writable()
            return _take_in(store, archive, manifest)
    except zipfile.BadZipFile:
        raise UserError(f"bundle: {path} was not written by `dit-ablate bundle`") from None
    except OSError as error:
        raise UserError(f"bundle: {error.filename or path}: {error.strerror or error}") from None


def _take_in(store: Store, archive: zipfile.ZipFile, manifest: Manifest) -> TakenIn:
    name = manifest.study
    if is_defined(store, name):
        raise UserError(f"study: the store {store.place} has a study {name!r} already; give another store with --store")
    definitions = DefinitionRecord.folder(name)
    keys = sorted(manifest.files, key=lambda key: (key.startswith(definitions), key))
    trials = {match[1] for key in keys if (match := re.match(r"trials/([0-9a-f]{64})/", key))}
    known = {train_id for train_id in trials if store.records.names(Stretch.folder(train_id))}
    new = weights = 0
    for key in keys:
        if key.startswith(tuple(Stretch.folder(train_id) for train_id in known)):
            continue
        if key.endswith(".safetensors"):
            written = _put_weights(store, archive, key)
            weights += written
        else:
            written = store.records.backend.put(key, archive.read(key))
        new += written
    return TakenIn(name, new, tuple(sorted(known)), weights)


def _put_weights(store: Store, archive: zipfile.ZipFile, key: str) -> bool:
    """Writes a checkpoint where the store has none of that name; returns whether it did."""
    _, train_id, _, name = key.split("/")
    path, mirror = store.path / key, store.mirror(train_id)
    if name in mirror.names() if mirror is not None else path.exists():
        return False
    make_folder(path.parent)
    with replacing(path) as temporary, archive.open(key) as source, temporary.open("wb") as target:
        while part := source.read(1 << 20):
            target.write(part)
    if mirror is not None:
        mirror.publish(name, path)
    return True
