"""Named collections of implementations: how an axis, a block, a metric or a data set is added.

``Registry`` holds the implementations themselves. ``Parts`` holds where they are and what has to be known about them,
so that names are listed and validated, and trials identified, without importing any of them.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field, replace
from operator import attrgetter
from typing import Any, Generic, TypeVar, cast

from dit_core.errors import UserError, unknown

T = TypeVar("T")


class NotRun(UserError):
    """A name stands for code from outside that was read and not run, since nobody here has said that it may."""


@dataclass
class Origin:
    """Where code from outside comes from.

    Attributes:
        label: what people call it: ``my_blocks.py``, or a distribution and its version.
        source: what identities hold of it: a digest of its source, or the distribution and its version.
        runs: whether it was imported; else its names are known from reading it, and nothing of it can be used.
        added: what it has registered.
    """

    label: str
    source: str
    runs: bool = True
    added: list[tuple[Named[Any], str]] = field(default_factory=list)

    def withdraw(self) -> None:
        """Takes out of the registries what was registered."""
        for registry, name in self.added:
            registry.remove(name)
        self.added.clear()


_registering: Origin | None = None


@contextmanager
def registering(origin: Origin) -> Iterator[None]:
    """Has whatever is registered meanwhile belong to ``origin``."""
    global _registering
    before, _registering = _registering, origin
    try:
        yield
    finally:
        _registering = before


@dataclass(frozen=True)
class Entry:
    """Where a part is implemented, and what is known about it without importing it.

    Attributes:
        path: ``module:attribute``.
        numerics: raised by hand whenever a change to the part alters the numbers that a given config produces; the
            identities of trials that use the part change with it, and no others.
        uses: names of other parts of the same kind whose code this one runs: their numerics are its own as well.
        source: what tells the source of a part from outside this repository, whose changes no version tells; a plugin's
            parts get it by themselves.
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
    """Names in the order they were registered in; an unknown one is a ``UserError`` with the nearest match.

    Attributes:
        kind: what the names are names of.
        subclass_of: ``module:Class`` that everything registered is a subclass of, where it is classes.
        instance_of: ``module:Class`` that everything registered is an instance of, where it is objects.
        origins: name -> where it comes from, for what comes from outside.
        families: pattern -> item, for names that are many and alike; they are not listed.
    """

    def __init__(
        self,
        kind: str,
        items: Mapping[str, Item] | None = None,
        *,
        subclass_of: str = "",
        instance_of: str = "",
        families: Mapping[str, Item] | None = None,
    ) -> None:
        self.kind = kind
        self.subclass_of, self.instance_of = subclass_of, instance_of
        self.origins: dict[str, Origin] = {}
        self._items: dict[str, Item] = dict(items or {})
        self.families = dict(families or {})

    def add(self, name: str, item: Item) -> None:
        """Registers ``item``; a name registers once."""
        if name in self._items or name in self.origins:
            origin = self.origins.get(name)
            raise ValueError(f"{self.kind} {name!r} is registered twice" + (f", by {origin.label}" if origin else ""))
        if _registering is not None:
            self.origins[name] = _registering
            _registering.added.append((self, name))
        self._items[name] = item

    def declare(self, name: str) -> None:
        """Notes a name that code from outside would register, had it been run: asking for it is then ``NotRun``."""
        assert _registering is not None
        if name not in self._items and name not in self.origins:
            self.origins[name] = _registering
            _registering.added.append((self, name))

    def remove(self, name: str) -> None:
        """Takes out what came from outside."""
        del self.origins[name]
        self._items.pop(name, None)

    def names(self) -> list[str]:
        """Returns the registered names in registration order."""
        return list(self._items)

    def check(self, name: str, field: str | None = None) -> None:
        """Makes sure that ``name`` is registered; ``field`` is the name shown in the error."""
        if name not in self:
            if name in self.origins:
                self.must_run(name)
            raise unknown(field or self.kind, name, self._items)

    def family(self, name: object) -> Item | None:
        """Returns what all names of a family share; None for a name that is registered itself, or unknown."""
        if name in self._items or not isinstance(name, str):
            return None
        return next((item for pattern, item in self.families.items() if re.fullmatch(pattern, name)), None)

    def runs(self, name: str) -> bool:
        """Whether ``name`` can be used: it is no code from outside that was read only."""
        return name not in self.origins or self.origins[name].runs

    def must_run(self, name: str) -> None:
        """Makes sure that ``name`` can be used.

        Raises:
            NotRun: it is code from outside that was read only.
        """
        if not self.runs(name):
            raise NotRun(
                f"plugins: the {self.kind} {name!r} is code from {self.origins[name].label}, which has not been run "
                "here; look at it, and give --trust"
            )

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items or self.family(name) is not None


class Registry(Named[T]):
    """Maps a name to an implementation that is there already."""

    def get(self, name: str, field: str | None = None) -> T:
        """Returns the implementation called ``name``; ``field`` is the name shown in the error."""
        self.check(name, field)
        self.must_run(name)
        return self._items[name]


class Parts(Named[X], Generic[T, X]):
    """Maps a name to an implementation that is imported when it is asked for.

    Code from outside joins in at run time with ``add(name, Entry("its.module:Class"))``. The path is kept and not the
    object, so that every process that works on a trial can register it alike.
    """

    def add(self, name: str, item: X) -> None:
        """Registers a part from outside.

        A plugin's parts take the digest of the plugin; elsewhere the entry has to say what identities hold.

        Raises:
            ValueError: the name is taken, or nothing tells the part's source.
        """
        if _registering is not None:
            item = replace(item, source=_registering.source)
        if item.source is None:
            raise ValueError(
                f"{self.kind} {name!r} is registered outside of a plugin, so that nothing would tell when its code "
                "changes; name its file under plugins in the study"
            )
        super().add(name, item)

    def about(self, name: str, field: str | None = None) -> X:
        """Returns what is known about ``name`` without importing it; ``field`` is the name shown in the error."""
        self.check(name, field)
        return self.family(name) or self._items[name]

    def get(self, name: str, field: str | None = None) -> T:
        """Imports and returns the implementation called ``name``; ``field`` is the name shown in the error.

        That of a family is asked for itself under the name: ``named(name)``.
        """
        module, _, attribute = self.about(name, field).path.partition(":")
        self.must_run(name)
        found = attrgetter(attribute)(importlib.import_module(module))
        return cast(T, found if self.family(name) is None else found.named(name))

    def revisions(self, name: str) -> dict[str, dict[str, int | str]]:
        """Returns the revisions of ``name`` and of the parts it uses, by name; those at their first are left out."""
        entry = self.about(name)
        found = {name: entry.revision} if entry.revision else {}
        for used in entry.uses:
            found |= self.revisions(used)
        return found
