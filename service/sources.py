"""From what a person gives (a preset, a file, a plan, a ``Study``) to the study that is meant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from dit_core.paths import expanded
from search_spaces.load import is_plan, presets, read_study_file
from search_spaces.plan_import import ImportedPlan, import_plan
from search_spaces.study import Study
from service.choices import Choices, chosen, refuse_unknown
from service.command_text import arguments_of
from service.records.store import Store
from service.records.study_files import is_defined, read_definition, unreadable_studies


@dataclass(frozen=True)
class Opened:
    """A study with where it came from.

    Attributes:
        study: the study.
        source: what was given, as text; ``python`` for a ``Study`` object.
        path: the file it was read from, if any.
        imported: the imported plan with its sentences, if it was one.
        notes: sentences on what the choices changed.
        arguments: command-line arguments that open the same study again, from any folder.
    """

    study: Study
    source: str
    path: Path | None = None
    imported: ImportedPlan | None = None
    notes: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


def open_study(source: Study | str | Path, choices: Choices, store: Store | None = None) -> Opened:
    """Reads a study and applies the choices.

    Args:
        source: a ``Study``, a preset's name, a study file, a plan, or the name of a study in ``store``.
        choices: what to change.
        store: where to look for studies by name.

    Raises:
        UserError: the source cannot be read or a choice does not fit.
    """
    refuse_unknown(choices, Choices)
    skip = choices.get("skip_unknown", False)
    if not isinstance(skip, bool):
        raise UserError(f"skip_unknown: true or false is wanted, given {skip!r:.60}")
    if isinstance(source, Study):
        if "profile" in choices:
            raise UserError(
                f"profile: the study {source.name!r} names its own, {source.baseline.profile}; it is for plans"
            )
        study, notes = chosen(source.model_dump(), choices)
        return Opened(study, "python", notes=notes)
    if not isinstance(source, str | os.PathLike):
        raise UserError(f"study: {source!r:.60} is no study; give a preset's name, a file, or a Study")
    name = os.fspath(source)
    path = expanded(name, "study")
    if is_plan(path):
        imported = import_plan(path, **({"profile": choices["profile"]} if "profile" in choices else {}))
        study, notes = chosen(imported.study.model_dump(), choices, name)
        return Opened(study, name, path, imported, notes, arguments_of(str(path.absolute()), choices))
    recorded = (
        store is not None
        and not path.exists()
        and name not in presets()
        and (is_defined(store, name) or name in unreadable_studies(store))
    )
    if recorded and store is not None:
        data: Mapping[str, Any] = read_definition(store, name).study.model_dump()
    else:
        data = read_study_file(source)
    study, notes = chosen(data, choices, name)
    if "profile" in choices:
        raise UserError(f"--profile: {name} names its own profile, {study.baseline.profile}; the option is for plans")
    if recorded or name in presets():
        return Opened(study, name, None, None, notes, arguments_of(name, choices))
    return Opened(study, name, path, None, notes, arguments_of(str(path.absolute()), choices))
