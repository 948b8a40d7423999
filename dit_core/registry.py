"""Named collections of implementations: how an axis, a block, a metric or a data set is added.

``Registry`` holds the implementations themselves. ``Parts`` holds where they are and what has to be known about them,
so that names are listed and validated, and trials identified, without importing any of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from operator import attrgetter
from typing import Generic, TypeVar, cast

from dit_core.errors import unknown

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """Where a part is implemented, and what is known about it without importing it.

    Attributes:
        path: ``module:attribute``.
        numerics: raised by hand whenever a change to the part alters the numbers that a given config produces; the
            identities of trials that use the part change with it, and no others.
        uses: names of other parts of the same kind whose code this one runs: their numerics are its own as well.
        source: SHA-256 of the source of a part from outside this repository, whose changes no version tells.
    """

    path: str
    _: KW_ONLY
    numerics: int = 1
    uses: tuple[str, ...] = ()
    source: str | None = None

    @property
    def revision(self) -> dict[str, int | str]:
        """What an identity holds of this part beside its name.

        Empty for version 1 of our own code, so that a kind of part that is added later renames no trial.
        """
        numerics: dict[str, int | str] = {} if self.numerics == 1 else {"numerics": self.numerics}
        return numerics if self.source is None else {**numerics, "source": self.source}


X = TypeVar("X", bound=Entry)
Item = TypeVar("Item")


class Named(Generic[Item]):
    """Names in the order they were registered in; an unknown one is a ``UserError`` with the nearest match."""

    def __init__(self, kind: str, items: Mapping[str, Item] | None = None) -> None:
        self.kind = kind
        self._items: dict[str, Item] = dict(items or {})

    def add(self, name: str, item: Item) -> None:
        """Registers ``item``; a name registers once."""
        if name in self._items:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._items[name] = item

    def names(self) -> list[str]:
        """Returns the registered names in registration order."""
        return list(self._items)

    def check(self, name: str, field: str | None = None) -> None:
        """Makes sure that ``name`` is registered; ``field`` is the name shown in the error."""
        if name not in self._items:
            raise unknown(field or self.kind, name, self._items)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items


class Registry(Named[T]):
    """Maps a name to an implementation that is there already."""

    def get(self, name: str, field: str | None = None) -> T:
        """Returns the implementation called ``name``; ``field`` is the name shown in the error."""
        self.check(name, field)
        return self._items[name]


class Parts(Named[X], Generic[T, X]):
    """Maps a name to an implementation that is imported when it is asked for.

    Code from outside joins in at run time with ``add(name, Entry("its.module:Class", source=...))``. The path is kept
    and not the object, so that every process that works on a trial can register it alike.
    """

    def add(self, name: str, item: X) -> None:
        """Registers a part from outside.

        Raises:
            ValueError: the name is taken, or the entry has no digest of the part's source.
        """
        if item.source is None:
            raise ValueError(f"{self.kind} {name!r} needs the SHA-256 of its source, which identities hold")
        super().add(name, item)

    def about(self, name: str, field: str | None = None) -> X:
        """Returns what is known about ``name`` without importing it; ``field`` is the name shown in the error."""
        self.check(name, field)
        return self._items[name]

    def get(self, name: str, field: str | None = None) -> T:
        """Imports and returns the implementation called ``name``; ``field`` is the name shown in the error."""
        module, _, attribute = self.about(name, field).path.partition(":")
        return cast(T, attrgetter(attribute)(importlib.import_module(module)))

    def revisions(self, name: str) -> dict[str, dict[str, int | str]]:
        """Returns the revisions of ``name`` and of the parts it uses, by name; those at their first are left out."""
        entry = self.about(name)
        found = {name: entry.revision} if entry.revision else {}
        for used in entry.uses:
            found |= self.revisions(used)
        return found
