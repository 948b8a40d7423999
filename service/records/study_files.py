"""What ``studies/<name>/`` holds: the study as it was run, its plan, its preview, its report and its live state.

Layout::

    definitions/0001.json   record: the study, the identities of its trials, where it came from
    study.yaml              the newest definition, for people (and for ``dit-ablate run study.yaml``)
    plan/0001-<file>        the imported plan, as it was, and how its phrases were understood
    preview.txt             what ``dit-ablate plan`` showed when the study was started
    counts/0001.json        record: what its networks cost, see ``network_counts``
    claims/, runs/, given-up/, failures/   records of its runs
    live.json, stops/           the engine's, while it runs
    report/                 written by service.report
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dit_core.errors import UserError, nearest, parse
from dit_core.plugins.bundle import Bundle
from search_spaces.expand import expand
from search_spaces.load import dump_study
from search_spaces.study import Study
from search_spaces.types import Expansion
from service.command_text import command_line
from service.records.backend import is_name
from service.records.envelope import Sealed
from service.records.kinds import DefinitionRecord
from service.records.store import Store

_UNDERSTOOD = ".understood.txt"


@dataclass(frozen=True)
class Definition:
    """A study as it was when it was run.

    Attributes:
        study: the study.
        train_ids: trial name -> identity of its weights; makes status and report independent of the data.
        analysis_plan: digest of the analysis plan, which does the same for decisions.
        source: what the person gave: a preset, a file, or ``python``.
        command: the command that runs it again.
        written: when, ISO 8601 UTC.
        plugins: the code from outside that it names.
        policy_digest: identifies its policy, where that is code from outside.
    """

    study: Study
    train_ids: Mapping[str, str]
    analysis_plan: str
    source: str
    command: str
    written: str
    plugins: tuple[Bundle, ...] = ()
    policy_digest: str = ""


def write_definition(
    store: Store,
    study: Study,
    train_ids: Mapping[str, str],
    source: str,
    command: str,
    *,
    analysis_plan: str,
    plugins: Iterable[Bundle] = (),
    policy_digest: str = "",
) -> None:
    """Records a study's definition under the next number, unless the newest record says the same."""
    record = DefinitionRecord(
        study=study.model_dump(mode="json"),
        train_ids=dict(train_ids),
        analysis_plan=analysis_plan,
        source=source,
        command=command,
        plugins=tuple(bundle.to_json() for bundle in plugins),
        policy_digest=policy_digest,
    )
    newest = _newest(store, study.name)
    if newest is None or newest.content != record:
        store.records.append(DefinitionRecord.folder(study.name), record)
    store.records.backend.write(_file_of(study.name), dump_study(study).encode())


def read_definition(store: Store, name: str) -> Definition:
    """Returns the newest readable definition of a study.

    Raises:
        UserError: the store has no such study; names the nearest one. Or none of its definitions is readable.
    """
    newest = _newest(store, name)
    if newest is not None:
        record = newest.content
        study = parse(Study, record.study, f"study {name!r}")
        plan = record.analysis_plan
        plugins = tuple(map(Bundle.from_json, record.plugins))
        return Definition(
            study,
            record.train_ids,
            plan,
            record.source,
            record.command,
            newest.written,
            plugins,
            record.policy_digest,
        )
    lost = lost_definition(store, name)
    if lost:
        raise UserError(f"study: the definition of {name!r} in the store {store.place} {lost}; {way_back(store, name)}")
    known = defined_studies(store)
    listed = f"it holds {', '.join(known)}" if known else "it holds no study yet"
    guess = nearest(name, known)
    hint = f"; did you mean {guess!r}?" if guess else ""
    raise UserError(f"study: {name!r} has not been run in the store {store.place}; {listed}{hint}")


def recorded_plugins(store: Store, name: str) -> tuple[Bundle, ...]:
    """Returns the code from outside that the newest readable definition of a study names; none where there is none."""
    newest = _newest(store, name)
    return () if newest is None else tuple(map(Bundle.from_json, newest.content.plugins))


def is_defined(store: Store, name: str) -> bool:
    """Whether a study has been started in this store; it is asked for, not looked for in a listing."""
    return _newest(store, name) is not None


def defined_studies(store: Store) -> list[str]:
    """Names of the studies that have been started in this store and whose definition can be read.

    One that has just begun may be missing: the names are a listing.
    """
    return [name for name in store.studies() if is_defined(store, name)]


def unreadable_studies(store: Store) -> list[str]:
    """Names of the studies that have been started in this store and of which no definition can be read."""
    return [name for name in store.studies() if lost_definition(store, name)]


def lost_definition(store: Store, name: str) -> str:
    """Says what has become of the definitions of a study that was run, empty where one can be read or none was made.

    A study whose definitions are gone has its file, or runs that did something, not only a claim.
    """
    if not is_name(name) or is_defined(store, name):
        return ""
    damaged = _damage(store, name)
    if damaged:
        return f"is damaged ({damaged[-1]})"
    known = has_file(store, name) or any(run.timings for run in store.runs(name).values())
    return "is missing" if known else ""


def has_file(store: Store, name: str) -> bool:
    """Whether a study's file for people is there, from which its definition can be made again."""
    return bool(store.records.backend.get(_file_of(name)))


def way_back(store: Store, name: str) -> str:
    """Says how a definition that is lost is made again."""
    if has_file(store, name):
        return f"make it again from the study.yaml beside it: {command_line('repair', [name], store.place)}"
    return "run the study again from its file: nothing that is recorded runs twice"


def recorded_identities(store: Store, expansion: Expansion) -> dict[str, str]:
    """Returns the identities that a store of format 1 has for this study's trials.

    Those of today do not fit there, so they are taken from the recorded definition of the study with this name, for
    the trials that it defines alike.
    """
    name = expansion.study.name
    if store.format != 1 or not is_defined(store, name):
        return {}
    definition = read_definition(store, name)
    before = {trial.name: trial.config for trial in expand(definition.study).trials}
    return {
        trial.name: definition.train_ids[trial.name]
        for trial in expansion.trials
        if trial.name in definition.train_ids and before.get(trial.name) == trial.config
    }


def _newest(store: Store, name: str) -> Sealed[DefinitionRecord] | None:
    if not is_name(name):
        return None
    found = store.records.numbered(DefinitionRecord.folder(name), DefinitionRecord).found
    return found[max(found)] if found else None


def _file_of(name: str) -> str:
    return f"studies/{name}/study.yaml"


def _damage(store: Store, name: str) -> list[str]:
    """What of a study's definitions was met and cannot be read."""
    return [key for key in store.records.damaged if key.startswith(DefinitionRecord.folder(name))]


def write_plan_source(store: Store, study: Study, source: Path, understood: tuple[str, ...]) -> None:
    """Keeps an imported plan as it was, numbered, with the sentences on how it was understood."""
    data = source.read_bytes()
    backend, folder = store.records.backend, f"studies/{study.name}/plan/"
    kept = [key for key in backend.list(folder) if re.match(r"\d+-", key.removeprefix(folder))]
    kept = [key for key in kept if not key.endswith(_UNDERSTOOD)]
    if not kept or backend.get(kept[-1]) != data:
        number = int(kept[-1].removeprefix(folder).split("-")[0]) + 1 if kept else 1
        name = re.sub(r"[\x00-\x1f\x7f\\]", "_", source.name)[-150:]
        kept.append(f"{folder}{number:04d}-{name}")
        backend.write(kept[-1], data)
    backend.write(kept[-1] + _UNDERSTOOD, ("\n".join(understood) + "\n").encode())


def write_preview(store: Store, study: Study, text: str) -> None:
    """Keeps the preview the study was started with."""
    store.records.backend.write(f"studies/{study.name}/preview.txt", text.encode())
