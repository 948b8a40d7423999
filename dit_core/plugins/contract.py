"""Whether what a plugin has registered is what it says it is; found out right after it was imported."""

from __future__ import annotations

import importlib
from typing import Any

from dit_core.errors import UserError
from dit_core.registry import Named, Origin, Parts


def check_registered(origin: Origin) -> None:
    """Makes sure that everything a plugin has registered can be had and is of the kind of its registry.

    Raises:
        UserError: in one sentence, the first thing that is not.
    """
    if not origin.added:
        raise UserError(
            f"plugins: {origin.label} registers nothing; a plugin adds to a registry, e.g. "
            'BLOCKS.add("name", BlockEntry("module:Class"))'
        )
    for registry, name in origin.added:
        what = f"plugins: {origin.label}: the {registry.kind} {name!r}"
        found = _found(registry, name, what)
        _check_kind(registry, found, what)
        own = getattr(found, "name", name)
        if isinstance(own, str) and own != name:
            raise UserError(f"{what} calls itself {own!r}; register it under its own name")


def _found(registry: Named[Any], name: str, what: str) -> Any:
    if not isinstance(registry, Parts):
        return registry.get(name)  # type: ignore[attr-defined]
    others = (registry.about(other) for other in registry if other not in registry.origins)
    kind, entry = type(next(others)), registry.about(name)
    if not isinstance(entry, kind):
        raise UserError(f"{what} is registered with {type(entry).__name__}; a {registry.kind} needs {kind.__name__}")
    try:
        return registry.get(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{what} is said to be at {entry.path!r}, where it is not ({error})") from None


def _check_kind(registry: Named[Any], found: Any, what: str) -> None:
    module, _, attribute = (registry.subclass_of or registry.instance_of).partition(":")
    if not module:
        if not callable(found):
            raise UserError(f"{what} is {found!r:.60}, which cannot be called")
        return
    base = getattr(importlib.import_module(module), attribute)
    if registry.subclass_of and not (isinstance(found, type) and issubclass(found, base)):
        raise UserError(f"{what} is {found!r:.60}; a class that extends {module}.{attribute} is wanted")
    if registry.subclass_of and (missing := sorted(getattr(found, "__abstractmethods__", ()))):
        raise UserError(f"{what} does not define {', '.join(missing)}, which every {registry.kind} has")
    if registry.instance_of and not isinstance(found, base):
        raise UserError(f"{what} is {found!r:.60}; an object of {module}.{attribute} is wanted")
