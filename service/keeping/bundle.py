"""One file of a study for a colleague: its report, records and configurations, and its last weights where asked for.

A bundle is a ZIP archive of the store's own files under their keys, with ``bundle.json``, which names every one of them
with its size and SHA-256. There is no pickle and no code that runs by being read; code that a study names is in its
definition as text, and is trusted or not as ever.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dit_core.errors import UserError
from dit_core.files import replacing
from dit_core.training.checkpoint import Checkpoints, CorruptCheckpoint
from service.keeping.uses import keys_below, prepared_of
from service.records.backend import is_name
from service.records.store import Store

MANIFEST, FORMAT = "bundle.json", 1
_LARGEST_MANIFEST = 1 << 28
_NUMBERED = r"\d+(~\d+)?\.json"
_NAME = r"[^/]+"
_TRIAL = re.compile(
    rf"trials/[0-9a-f]{{64}}/((trial|diverged)(~\d+)?\.json|curve/{_NUMBERED}|evaluations/{_NAME}\.json|"
    rf"grids/{_NAME}\.png|checkpoints/\d+(\.partial)?\.safetensors)"
)
_STUDY = re.compile(
    rf"studies/(?P<study>{_NAME})/((definitions|claims|runs|provenance|predictions|counts|failures)/{_NUMBERED}|"
    rf"(given-up|decisions|proposals)/{_NAME}/{_NAME}\.json|report/(figures/)?{_NAME}\.(md|html|json|png)|"
    rf"plan/{_NAME}|study\.yaml|preview\.txt)"
)


class Entry(BaseModel):
    """One file of a bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"[0-9a-f]{64}")


class Manifest(BaseModel):
    """What a bundle says of itself.

    Attributes:
        format: of bundles.
        study: the study.
        store: the identity of the store that it comes from.
        version: of dit-ablate, which wrote it.
        weights: whether it holds the last checkpoint of every trial.
        files: key -> size and SHA-256, of every file but this one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    format: int
    study: str
    store: str
    version: str
    weights: bool
    files: dict[str, Entry]


def belongs(key: str, study: str) -> bool:
    """Whether a bundle of a study may hold a key."""
    of_study = _STUDY.fullmatch(key)
    if not all(map(is_name, key.split("/"))):
        return False
    return _TRIAL.fullmatch(key) is not None or (of_study is not None and of_study["study"] == study)


def write_bundle(store: Store, name: str, to: Path, *, weights: bool = False) -> Manifest:
    """Writes a study's bundle, whole or not at all.

    Args:
        store: the store.
        name: the study; its report is there.
        to: a new file.
        weights: with the last checkpoint of every trial.

    Raises:
        UserError: the file exists or cannot be written, or the study cannot be read.
    """
    store.require_writable()
    if to.exists():
        raise UserError(f"bundle: {to} is there already; give a new file")
    files: dict[str, Entry] = {}
    try:
        with replacing(to) as path, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, data in _contents(store, name, weights):
                if isinstance(data, Path):
                    with data.open("rb") as file:
                        digest = hashlib.file_digest(file, "sha256").hexdigest()
                    files[key] = Entry(size=data.stat().st_size, sha256=digest)
                    archive.write(data, key, zipfile.ZIP_STORED)
                else:
                    files[key] = Entry(size=len(data), sha256=hashlib.sha256(data).hexdigest())
                    archive.writestr(key, data)
            manifest = Manifest(
                format=FORMAT,
                study=name,
                store=store.id,
                version=version("dit-ablate"),
                weights=weights,
                files=files,
            )
            archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
    except CorruptCheckpoint as error:
        raise UserError(f"bundle: {error}; `dit-ablate verify {name}` says how to mend it") from None
    except OSError as error:
        raise UserError(f"bundle: cannot write {to} ({error.strerror or error})") from None
    return manifest


def read_manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    """Returns what a bundle says of itself, once everything in it is what it says.

    Raises:
        UserError: it is no bundle, of a later format, holds what no bundle holds, or is damaged.
    """
    try:
        if archive.getinfo(MANIFEST).file_size > _LARGEST_MANIFEST:
            raise ValueError("too large")
        told: dict[str, Any] = json.loads(archive.read(MANIFEST))
        manifest = Manifest.model_validate(told)
    except (KeyError, ValueError, zipfile.BadZipFile):
        raise UserError(f"bundle: {path} was not written by `dit-ablate bundle`") from None
    if manifest.format != FORMAT:
        raise UserError(f"bundle: {path} has format {manifest.format}; this version reads {FORMAT}")
    names = [item.filename for item in archive.infolist() if item.filename != MANIFEST]
    if len(names) != len(set(names)) or set(names) != set(manifest.files):
        raise UserError(f"bundle: {path} is damaged: its files are not those that it names")
    for key in names:
        if not belongs(key, manifest.study):
            raise UserError(f"bundle: {path} holds {key!r:.80}, which no bundle of a study holds; nothing was taken")
    for item in archive.infolist():
        if item.filename != MANIFEST:
            _check(archive, item, manifest.files[item.filename], path)
    return manifest


def _check(archive: zipfile.ZipFile, item: zipfile.ZipInfo, entry: Entry, path: Path) -> None:
    """Reads a file no further than it says it goes, and compares its hash."""
    digest, read = hashlib.sha256(), 0
    try:
        with archive.open(item) as file:
            while read <= entry.size and (part := file.read(1 << 20)):
                read += len(part)
                digest.update(part)
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError):
        read = -1
    if read != entry.size or digest.hexdigest() != entry.sha256:
        raise UserError(f"bundle: {path} is damaged: {item.filename} is not what was written; nothing was taken")


def _contents(store: Store, name: str, weights: bool) -> Iterator[tuple[str, bytes | Path]]:
    for train_id in sorted(set(prepared_of(store, name).train_ids.values())):
        for key in keys_below(store, f"trials/{train_id}/"):
            if belongs(key, name) and "/checkpoints/" not in key and (data := store.records.backend.get(key)):
                yield key, data
        checkpoints = Checkpoints(store.trial_dir(train_id) / "checkpoints", store.mirror(train_id))
        for _, path in checkpoints.found()[:1] if weights else ():
            checkpoints.fetch(path)
            yield f"trials/{train_id}/checkpoints/{path.name}", path
    for key in keys_below(store, f"studies/{name}/"):
        if belongs(key, name) and (data := store.records.backend.get(key)):
            yield key, data
