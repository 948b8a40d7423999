"""What ``studies/<name>/`` holds: the study as it was run, its plan, its preview, its report and its live state.

Layout::

    definitions/0001.json   immutable: the study, the identities of its trials, where it came from
    study.yaml              the newest definition, for people (and for ``dit-ablate run study.yaml``)
    plan/0001-<file>        the imported plan, as it was, and how its phrases were understood
    preview.txt             what ``dit-ablate plan`` showed when the study was started
    live.json, stop-requested, runs/, failures/   the engine's
    report/                 written by service.report
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dit_core.errors import UserError, nearest, parse
from search_spaces.load import dump_study
from search_spaces.study import Study
from service.records.store import CorruptRecord, Store, read_record, write_atomically, write_once


@dataclass(frozen=True)
class Definition:
    """A study as it was when it was run.

    Attributes:
        study: the study.
        train_ids: trial name -> identity of its weights; makes status and report independent of the data.
        source: what the person gave: a preset, a file, or ``python``.
        command: the command that runs it again.
        written: when, ISO 8601 UTC.
    """

    study: Study
    train_ids: Mapping[str, str]
    source: str
    command: str
    written: str


def write_definition(store: Store, study: Study, train_ids: Mapping[str, str], source: str, command: str) -> Path:
    """Records a study's definition under the next number, unless the newest record says the same.

    Returns:
        The record's path.
    """
    folder = store.study_dir(study.name) / "definitions"
    content = {
        "study": study.model_dump(mode="json"),
        "train_ids": dict(train_ids),
        "source": source,
        "command": command,
    }
    existing = _records(folder)
    if existing:
        try:
            newest = read_record(existing[-1])
        except CorruptRecord:
            newest = {}
        if {key: value for key, value in newest.items() if not key.startswith("_")} == content:
            return existing[-1]
    number = int(existing[-1].stem) + 1 if existing else 1
    while not write_once(folder / f"{number:04d}.json", content):
        number += 1
    write_atomically(folder.parent / "study.yaml", dump_study(study).encode())
    return folder / f"{number:04d}.json"


def read_definition(store: Store, name: str) -> Definition:
    """Returns the newest readable definition of a study.

    Raises:
        UserError: the store has no such study; names the nearest one.
    """
    for path in reversed(_records(store.study_dir(name) / "definitions")):
        try:
            content = read_record(path)
        except CorruptRecord:
            continue
        study = parse(Study, content["study"], str(path))
        return Definition(study, content["train_ids"], content["source"], content["command"], content["_written"])
    known = [study for study in store.studies() if _records(store.study_dir(study) / "definitions")]
    listed = f"it holds {', '.join(known)}" if known else "it holds no study yet"
    guess = nearest(name, known)
    hint = f"; did you mean {guess!r}?" if guess else ""
    raise UserError(f"study: {name!r} has not been run in the store {store.path}; {listed}{hint}")


def defined_studies(store: Store) -> list[str]:
    """Names of the studies that have been started in this store."""
    return [name for name in store.studies() if _records(store.study_dir(name) / "definitions")]


def write_plan_source(store: Store, study: Study, source: Path, understood: tuple[str, ...]) -> None:
    """Keeps an imported plan as it was, numbered, with the sentences on how it was understood."""
    data = source.read_bytes()
    folder = store.study_dir(study.name) / "plan"
    existing = sorted(path for path in folder.glob("[0-9]*-*") if not path.name.endswith(".understood.txt"))
    if not existing or existing[-1].read_bytes() != data:
        number = int(existing[-1].name.split("-")[0]) + 1 if existing else 1
        path = folder / f"{number:04d}-{source.name}"
        write_atomically(path, data)
    else:
        path = existing[-1]
    write_atomically(path.with_name(path.name + ".understood.txt"), ("\n".join(understood) + "\n").encode())


def write_preview(store: Store, study: Study, text: str) -> Path:
    """Keeps the preview the study was started with."""
    path = store.study_dir(study.name) / "preview.txt"
    write_atomically(path, text.encode())
    return path


def _records(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.json"))
