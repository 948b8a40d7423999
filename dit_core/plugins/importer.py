"""Imports a plugin's modules from the text that was read, so that what runs is what its digest says."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from dit_core.errors import UserError
from dit_core.plugins.bundle import Bundle, Module


class _Loader(ExecutionLoader):
    """Loads one module; tracebacks show the file that it was read from."""

    def __init__(self, module: Module, folder: str) -> None:
        self._module, self._path = module, str(Path(folder) / module.file)

    def get_source(self, fullname: str) -> str:
        return self._module.text

    def get_filename(self, fullname: str) -> str:
        return self._path

    def is_package(self, fullname: str) -> bool:
        return self._module.is_package


class _Finder(MetaPathFinder):
    """Finds the modules of the bundles that are active, before any file is looked for."""

    def __init__(self) -> None:
        self.modules: dict[str, tuple[Module, str]] = {}

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        found = self.modules.get(fullname)
        return None if found is None else spec_from_loader(fullname, _Loader(*found))


_FINDER = _Finder()


def offer(bundles: Mapping[str, Bundle]) -> None:
    """Makes the modules of the bundles importable, and those that were so before no longer.

    Args:
        bundles: by digest.

    Raises:
        UserError: two of them bring different modules of one name, or one that is imported already.
    """
    withdraw()
    offered: dict[str, tuple[Module, str]] = {}
    for bundle in bundles.values():
        for name, module in bundle.modules.items():
            there = offered.setdefault(name, (module, bundle.folder))
            if there[0] != module:
                raise UserError(
                    f"plugins: {bundle.name} brings a module {name!r}, and so does another plugin, with other code; "
                    "rename one of them"
                )
            if _elsewhere(name, Path(bundle.folder) / module.file):
                raise UserError(
                    f"plugins: {bundle.name} brings a module {name!r}, and another module of that name is in use; "
                    "rename it"
                )
    _FINDER.modules = offered
    for name in offered:
        sys.modules.pop(name, None)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def withdraw() -> None:
    """Forgets the modules that were offered."""
    for name in _FINDER.modules:
        sys.modules.pop(name, None)
    _FINDER.modules = {}


def _elsewhere(name: str, file: Path) -> bool:
    """Whether a module of that name has been imported, from an installed package."""
    there = getattr(sys.modules.get(name), "__file__", None)
    return there is not None and Path(there) != file and "site-packages" in Path(there).parts
