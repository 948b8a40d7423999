"""The command that runs a recorded study again from the store in which it lies now, which may be a copy or a bundle's.

A definition keeps the command of whoever ran the study, with that machine's file and store. Here the store is named
that was looked into, and the study by its name where the file is not here.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from search_spaces.load import presets
from service.command_text import command_line
from service.records.envelope import FORMAT
from service.records.store import Store
from service.records.study_files import is_defined, read_definition

_KEPT = ("--executor", "--address", "--tracking-uri")
"""Options that say how it runs, not what: what was chosen is in the definition."""


def again(store: Store, study: str, recorded: str) -> str:
    """Returns the command that runs a study of a store again.

    Args:
        store: the store.
        study: the study.
        recorded: the command that its definition has.
    """
    if store.format != FORMAT:  # nothing more is run in it
        return recorded
    try:
        words = shlex.split(recorded)
    except ValueError:
        words = []
    if words[:2] not in (["dit-ablate", "run"], ["dit-ablate", "submit"]) or len(words) < 3:
        return command_line("run", [named(store, study)], store.place)
    before = _value(words, "--store")
    moved = before not in (None, store.place)
    if words[1] == "submit":  # its file and its store are as the cluster sees them
        return command_line("run", [named(store, study)], store.place) if moved else recorded
    arguments = words[2:]
    opens = _opens(arguments[0], before if moved else None)
    if opens and not moved:
        return recorded
    if not opens:
        kept = [item for option in _KEPT if (value := _value(words, option)) for item in (option, value)]
        arguments = [named(store, study), *kept]
    while "--store" in arguments:
        place = arguments.index("--store")
        del arguments[place : place + 2]
    return command_line("run", arguments, store.place)


def again_recorded(store: Store, study: str) -> str:
    """Returns ``again`` of a study whose definition can be read, else the command that names it."""
    command = read_definition(store, study).command if is_defined(store, study) else ""
    return again(store, study, command)


def named(store: Store, study: str) -> str:
    """Returns what opens a study of a store: its name, or its file where a preset, or a file here, has the name."""
    kept = store.shown(f"studies/{study}/study.yaml")
    taken = study in presets() or Path(study).exists()
    return str(kept) if taken and isinstance(kept, Path) and kept.exists() else study


def _opens(source: str, other_store: str | None) -> bool:
    """Whether what was given opens the study here, too: a preset, its name, or a file that is not another store's."""
    path = Path(source)
    if not path.is_absolute():
        return True
    return path.exists() and not (other_store is not None and path.is_relative_to(other_store))


def _value(words: Sequence[str], option: str) -> str | None:
    places = [place for place, word in enumerate(words[:-1]) if word == option]
    return words[places[-1] + 1] if places else None
