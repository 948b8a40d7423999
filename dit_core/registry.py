"""A named collection of implementations: how an axis, a block, a metric or a data set is added."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from dit_core.errors import unknown

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps a name to an implementation; an unknown name is a ``UserError`` with the nearest match."""

    def __init__(self, kind: str, items: dict[str, T] | None = None) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}
        for name, item in (items or {}).items():
            self.add(name, item)

    def add(self, name: str, item: T) -> None:
        """Registers ``item``; a name registers once."""
        if name in self._items:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._items[name] = item

    def get(self, name: str, field: str | None = None) -> T:
        """Returns the implementation called ``name``; ``field`` is the name shown in the error."""
        if name not in self._items:
            raise unknown(field or self.kind, name, self._items)
        return self._items[name]

    def names(self) -> list[str]:
        """Returns the registered names in registration order."""
        return list(self._items)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items
