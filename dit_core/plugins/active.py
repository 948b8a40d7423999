"""The plugins that are in use in this process: a study's, and none of another study's."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from dit_core.errors import UserError
from dit_core.plugins.bundle import Bundle
from dit_core.plugins.contract import check_registered
from dit_core.plugins.importer import offer, withdraw
from dit_core.plugins.installed import load_installed
from dit_core.plugins.reading import readable
from dit_core.registry import Origin, Parts, registering

_active: dict[tuple[str, bool], tuple[Bundle, Origin]] = {}
"""Digest, and whether it was run -> the plugin, and what it has registered."""


def activate(run: Iterable[Bundle] = (), read: Iterable[Bundle] = ()) -> None:
    """Puts plugins in use, and those that were in use before out of it.

    Args:
        run: those to import.
        read: those whose names are wanted without running them: their parts are known, and asking for one is
            ``NotRun``.

    Raises:
        UserError: in one sentence, why one of them cannot be used; then none is.
    """
    load_installed()
    imported = {bundle.digest: bundle for bundle in run}
    declared = {bundle.digest: bundle for bundle in read if bundle.digest not in imported}
    wanted = {*((digest, True) for digest in imported), *((digest, False) for digest in declared)}
    if wanted == set(_active):
        return
    deactivate()
    try:
        offer(imported)
        for digest, bundle in imported.items():
            _active[digest, True] = bundle, _imported(bundle)
        for bundle in declared.values():
            declare(bundle)
    except BaseException:
        deactivate()
        raise


def deactivate() -> None:
    """Puts all plugins but the installed ones out of use."""
    for _, origin in _active.values():
        origin.withdraw()
    _active.clear()
    withdraw()


def declare(bundle: Bundle) -> None:
    """Registers what reading a plugin tells, beside what is in use; names that are taken stay what they are."""
    if (bundle.digest, True) in _active or (bundle.digest, False) in _active:
        return
    origin = Origin(bundle.name, bundle.digest, runs=False)
    _active[bundle.digest, False] = bundle, origin
    with registering(origin):
        for registry, name, entry in readable(bundle):
            if not isinstance(registry, Parts):
                registry.declare(name)
            elif entry is not None and name not in registry:
                registry.add(name, entry)


def registered_by(bundle: Bundle) -> tuple[tuple[str, str], ...]:
    """Returns (kind, name) of what a plugin that is in use has registered, in the order it did."""
    found = _active.get((bundle.digest, True)) or _active.get((bundle.digest, False))
    return () if found is None else tuple((registry.kind, name) for registry, name in found[1].added)


def in_use() -> tuple[Bundle, ...]:
    """Returns the plugins that were run and are in use."""
    return tuple(bundle for (_, runs), (bundle, _) in _active.items() if runs)


def _imported(bundle: Bundle) -> Origin:
    origin = Origin(bundle.name, bundle.digest)
    try:
        with registering(origin):
            importlib.import_module(bundle.module)
        check_registered(origin)
    except UserError:
        origin.withdraw()
        raise
    except Exception as error:  # whatever code from outside raises
        origin.withdraw()
        raise UserError(f"plugins: {bundle.name} cannot be imported ({_told(error, bundle)})") from None
    except SystemExit:
        origin.withdraw()
        raise UserError(f"plugins: {bundle.name} cannot be imported: it ends the program") from None
    return origin


def _told(error: Exception, bundle: Bundle) -> str:
    """What went wrong, and in which line of the plugin."""
    where, trace = "", error.__traceback__
    files = {str(bundle.path.parent / file) for file in bundle.files}
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            where = f", {trace.tb_frame.f_code.co_filename.rpartition('/')[2]} line {trace.tb_lineno}"
        trace = trace.tb_next
    text = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {text[:200]}{where}"
