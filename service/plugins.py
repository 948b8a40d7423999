"""The code from outside that a study names: found, put in use as far as it may run, and told about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dit_core.errors import UserError
from dit_core.parts import from_outside
from dit_core.plugins.active import activate, registered_by
from dit_core.plugins.bundle import Bundle, read_bundle
from search_spaces.types import Expansion
from service.analysis.numbers import plural
from service.records import study_files
from service.records.store import Store
from service.trust import Untrusted, is_trusted, trust


def named_plugins(data: Mapping[str, Any], base: Path | None) -> tuple[Bundle, ...]:
    """Reads the plugins that a study's plain data names; nothing of them is run.

    Args:
        data: the study, as its file has it.
        base: the folder of its file; None for the working directory.

    Raises:
        UserError: one cannot be read, or ``plugins`` is no list of files.
    """
    given = data.get("plugins") or ()
    given = (given,) if isinstance(given, str) else given
    if not isinstance(given, list | tuple) or not all(isinstance(item, str) for item in given):
        raise UserError(f"plugins: {given!r:.60} is no list of Python files, e.g. [my_blocks.py]")
    return tuple(read_bundle(item, base) for item in given)


def put_in_use(bundles: Sequence[Bundle], *, run: bool, allowed: Iterable[Bundle] = ()) -> None:
    """Imports the plugins of a study that may run, and only reads the others.

    Args:
        bundles: all of the study's.
        run: whether the study is to run, for which all of them must.
        allowed: those that may run from now on.

    Raises:
        Untrusted: one of them must run and may not.
        UserError: one of them cannot be used.
    """
    for bundle in allowed:
        trust(bundle)
    kept = {bundle.digest for bundle in allowed}  # where there was no room to remember it
    trusted = [bundle for bundle in bundles if bundle.digest in kept or is_trusted(bundle)]
    rest = [bundle for bundle in bundles if bundle not in trusted]
    if run and rest:
        raise Untrusted(rest)
    activate(trusted, rest)


def use_recorded(store: Store, name: str) -> None:
    """Puts the plugins of a recorded study in use, as they were recorded; those that may not run are read only.

    Raises:
        UserError: there is no such study, or one of its plugins cannot be used.
    """
    put_in_use(study_files.recorded_plugins(store, name), run=False)


def notes_on(bundles: Sequence[Bundle], expansion: Expansion, store: Store | None) -> tuple[str, ...]:
    """Says what of a study is code from outside, what was not run, and what has changed since the study last ran."""
    if not bundles:
        return ()
    name = expansion.study.name
    known = (
        () if store is None or not study_files.is_defined(store, name) else study_files.recorded_plugins(store, name)
    )
    before = {bundle.name: bundle for bundle in known}
    notes = []
    for bundle in bundles:
        users = [arm.name for arm in expansion.arms if _uses(bundle, from_outside(arm.config).values())]
        policy = ("policy", expansion.study.policy.name) in registered_by(bundle)
        what = [f"{plural(len(users), 'arm')} ({_listed(users)})"] if users else []
        what += ["the stopping policy"] if policy else []
        used = " and ".join(what) or "nothing that identities hold"
        notes.append(f"{bundle.name} ({bundle.short}) is code from outside: {used} uses it.")
        earlier = before.get(bundle.name)
        if earlier is not None and earlier.digest != bundle.digest:
            notes.append(
                f"{bundle.name} has changed since this study was last run ({earlier.short} to {bundle.short}): {used} "
                "counts as new, and what was recorded with the earlier code stays in the store."
            )
        if not is_trusted(bundle):
            notes.append(
                f"{bundle.name} was not run, only read: costs of what uses it are those of the paper's parts in its "
                "place. `run` asks whether it may."
            )
    return tuple(notes)


def _uses(bundle: Bundle, origins: Iterable[Any]) -> bool:
    return any(origin.source == bundle.digest for origin in origins)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
