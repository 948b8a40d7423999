"""From what a person gives (a preset, a file, a plan, a ``Study``) to the study that is meant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dit_core.errors import UserError
from dit_core.paths import expanded
from dit_core.plugins.bundle import Bundle
from search_spaces.load import is_plan, presets, read_study_file
from search_spaces.study import Study
from service.choices import Choices, chosen, plugins_of, refuse_unknown
from service.command_text import arguments_of
from service.plugins import named_plugins, put_in_use
from service.records.store import Store
from service.records.study_files import is_defined, read_definition, unreadable_studies

if TYPE_CHECKING:
    from search_spaces.plan_import import ImportedPlan


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
        plugins: the code from outside that it names; in use.
    """

    study: Study
    source: str
    path: Path | None = None
    imported: ImportedPlan | None = None
    notes: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    plugins: tuple[Bundle, ...] = ()


def open_study(
    source: Study | str | Path, choices: Choices, store: Store | None = None, *, run: bool = False
) -> Opened:
    """Reads a study, puts its plugins in use and applies the choices.

    Args:
        source: a ``Study``, a preset's name, a study file, a plan, or the name of a study in ``store``.
        choices: what to change.
        store: where to look for studies by name.
        run: whether the study is to run, for which its plugins must be allowed to.

    Raises:
        Untrusted: it is to run, and names code that nobody here has said yes to.
        UserError: the source cannot be read or a choice does not fit.
    """
    refuse_unknown(choices, Choices)
    skip = choices.get("skip_unknown", False)
    if not isinstance(skip, bool):
        raise UserError(f"skip_unknown: true or false is wanted, given {skip!r:.60}")
    trusts = choices.get("trust", False)
    if not isinstance(trusts, bool):
        raise UserError(f"trust: true or false is wanted, given {trusts!r:.60}")
    guess = choices.get("accept_guesses", False)
    if not isinstance(guess, bool):
        raise UserError(f"accept_guesses: true or false is wanted, given {guess!r:.60}")
    if isinstance(source, Study):
        if "profile" in choices:
            raise UserError(
                f"profile: the study {source.name!r} names its own, {source.baseline.profile}; it is for plans"
            )
        given, plugins = _with_plugins(source.model_dump(), choices, None, run=run)
        study, notes = chosen(given, choices)
        return Opened(study, "python", notes=notes, plugins=plugins)
    if not isinstance(source, str | os.PathLike):
        raise UserError(f"study: {source!r:.60} is no study; give a preset's name, a file, or a Study")
    name = os.fspath(source)
    path = expanded(name, "study")
    if is_plan(path):
        added, plugins = _with_plugins({}, choices, None, run=run)
        from search_spaces.plan_import import import_plan  # see search_spaces.plan_files

        imported = import_plan(path, choices.get("profile", "digits"), accept_guesses=guess)
        study, notes = chosen({**imported.study.model_dump(), **added}, choices, name)
        return Opened(study, name, path, imported, notes, arguments_of(str(path.absolute()), choices), plugins)
    recorded = (
        store is not None
        and not path.exists()
        and name not in presets()
        and (is_defined(store, name) or name in unreadable_studies(store))
    )
    data: Mapping[str, Any]
    if recorded and store is not None:
        definition = read_definition(store, name)
        data, plugins = _with_plugins(definition.study.model_dump(), choices, None, definition.plugins, run=run)
    else:
        data, plugins = _with_plugins(read_study_file(source), choices, path.absolute().parent, run=run)
    study, notes = chosen(data, choices, name)
    if "profile" in choices:
        raise UserError(f"--profile: {name} names its own profile, {study.baseline.profile}; the option is for plans")
    if recorded or name in presets():
        return Opened(study, name, None, None, notes, arguments_of(name, choices), plugins)
    return Opened(study, name, path, None, notes, arguments_of(str(path.absolute()), choices), plugins)


def open_recorded(store: Store, name: str, *, trust: bool = False) -> Opened:
    """Opens a study as its newest run had it, to run it.

    Args:
        store: the store.
        name: the study.
        trust: let its plugins run on this machine.

    Raises:
        Untrusted: it names code that nobody here has said yes to.
        UserError: there is no such study.
    """
    definition = read_definition(store, name)
    choices: Choices = {"trust": True} if trust else {}
    data, plugins = _with_plugins(definition.study.model_dump(), choices, None, definition.plugins, run=True)
    study, notes = chosen(data, {}, name)
    return Opened(study, definition.source, notes=notes, plugins=plugins)


def _with_plugins(
    data: Mapping[str, Any],
    choices: Choices,
    base: Path | None,
    recorded: tuple[Bundle, ...] | None = None,
    *,
    run: bool,
) -> tuple[dict[str, Any], tuple[Bundle, ...]]:
    """Puts a study's plugins in use; returns its data with their whole paths, and them.

    Args:
        data: the study's plain data.
        choices: what was chosen.
        base: the folder of the study's file.
        recorded: its plugins, where they are known with their source.
        run: whether it is to run.
    """
    own = named_plugins(data, base) if recorded is None else recorded
    chosen_ones = named_plugins({"plugins": plugins_of(choices)}, None)
    bundles = tuple({bundle.digest: bundle for bundle in (*own, *chosen_ones)}.values())
    put_in_use(bundles, run=run, allowed=bundles if choices.get("trust") else chosen_ones)
    named = {"plugins": [str(bundle.path) for bundle in bundles]} if bundles else {}
    return {**data, **named}, bundles
