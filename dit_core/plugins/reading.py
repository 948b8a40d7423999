"""What a plugin would register, as far as reading it tells: nothing of it is run.

Understood are statements of the form that the documentation shows, at the top level of a module: the registry's
``add`` with a name, and for a part an entry of constants. What is registered in another way is known once it runs.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from typing import Any

from dit_core.plugins.bundle import OURS, Bundle
from dit_core.registry import Entry, Named, Parts


def readable(bundle: Bundle) -> list[tuple[Named[Any], str, Entry | None]]:
    """Returns the registries and names that a plugin would register, with the entries of parts."""
    found: list[tuple[Named[Any], str, Entry | None]] = []
    for module_name, module in bundle.modules.items():
        tree = ast.parse(module.text)
        reader = _Reader(module_name, dict(_ours(tree)))
        for node in tree.body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                registration = reader.registration(node.value)
                found += [registration] if registration is not None else []
    return found


class _Reader:
    """Reads the registrations of one module."""

    def __init__(self, module: str, names: dict[str, str]) -> None:
        self._module, self._names = module, names

    def registration(self, call: ast.Call) -> tuple[Named[Any], str, Entry | None] | None:
        """Returns what a call registers; None where it does nothing of the kind, or cannot be read."""
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "add" or len(call.args) != 2:
            return None
        registry = self._object(call.func.value)
        name = self._constant(call.args[0])
        if not isinstance(registry, Named) or not isinstance(name, str):
            return None
        if not isinstance(registry, Parts):
            return registry, name, None
        entry = self._entry(call.args[1])
        return None if entry is None else (registry, name, entry)

    def _entry(self, node: ast.expr) -> Entry | None:
        kind = self._object(node.func) if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or not isinstance(kind, type) or not issubclass(kind, Entry):
            return None
        try:
            given = [self._constant(item) for item in node.args]
            named = {item.arg: self._constant(item.value) for item in node.keywords if item.arg is not None}
            return kind(*given, **named)
        except (ValueError, TypeError):
            return None

    def _constant(self, node: ast.expr) -> Any:
        """The value of a literal, or of an f-string of ``__name__`` and text."""
        if isinstance(node, ast.JoinedStr):
            return "".join(str(self._constant(part)) for part in node.values)
        if isinstance(node, ast.FormattedValue):
            node = node.value
        if isinstance(node, ast.Name) and node.id == "__name__":
            return self._module
        return ast.literal_eval(node)

    def _object(self, node: ast.expr) -> Any:
        """What an expression names, if it is something of ours that the module imports."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        path = self._names.get(node.id) if isinstance(node, ast.Name) else None
        if path is None:
            return None
        module, _, attribute = ".".join([path, *parts]).rpartition(".")
        try:
            return getattr(importlib.import_module(module), attribute, None)
        except ImportError:
            return None


def _ours(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yields name -> dotted path of what a module imports from our packages."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level and node.module.split(".")[0] in OURS:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in OURS and (alias.asname or "." not in alias.name):
                    yield alias.asname or alias.name, alias.name
