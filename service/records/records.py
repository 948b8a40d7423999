"""Typed records over a backend: written once, read with their checksum, made again beside a damaged one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from service.records.backend import Backend
from service.records.envelope import CorruptRecord, R, Sealed, UnreadableRecord, seal, unseal

GENERATIONS = 100
"""A damaged record is never overwritten: the next one has ``~1``, ``~2``, ... before its ending."""


@dataclass
class Numbered(Generic[R]):
    """Records of one kind that were numbered as they came.

    Attributes:
        found: number -> record, in order; damaged ones are left out.
        used: the numbers in use, those of damaged records included, in order.
        last: the highest of them, 0 when there is none.
    """

    found: dict[int, Sealed[R]] = field(default_factory=dict)
    used: list[int] = field(default_factory=list)
    last: int = 0

    @property
    def contents(self) -> list[R]:
        """The records, in order."""
        return [sealed.content for sealed in self.found.values()]


class Records:
    """Reads and writes typed records.

    Args:
        backend: where they lie.

    Attributes:
        damaged: key -> what is wrong with it, for every damaged record that has been met and left out.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.damaged: dict[str, str] = {}
        self._next: dict[str, int] = {}
        self._read: dict[str, Sealed[Any]] = {}

    def put(self, key: str, record: R) -> Sealed[R]:
        """Writes a record unless a sound one is there, and returns the one that stands: the first writer's.

        Args:
            key: where it belongs, e.g. ``trials/<train_id>/trial.json``.
            record: what to write.

        Raises:
            OSError: it cannot be written.
            CorruptRecord: what was just written cannot be read back.
        """
        for name in _generations(key):
            data = seal(record, key=name)
            if self.backend.put(name, data):
                return unseal(data, type(record), name)
            try:
                there = self._unsealed(name, type(record))
            except CorruptRecord:
                continue
            if there is not None:
                return there
        raise CorruptRecord(f"{key}: {GENERATIONS} damaged records stand in its place")

    def get(self, key: str, kind: type[R]) -> Sealed[R] | None:
        """Returns the record under a key, None where there is none.

        Raises:
            CorruptRecord: there is something, and none of it is that record, or can be read.
        """
        problem: CorruptRecord | None = None
        for name in _generations(key):
            try:
                found = self._unsealed(name, kind)
            except CorruptRecord as error:
                problem = problem or error
                continue
            if found is not None:
                return found
            break
        if problem is not None:
            raise problem
        return None

    def find(self, key: str, kind: type[R]) -> Sealed[R] | None:
        """As ``get``, but a damaged record counts as none and is noted in ``damaged``."""
        try:
            found = self.get(key, kind)
        except CorruptRecord as error:
            self.damaged[key] = str(error)
            return None
        self.damaged.pop(key, None)  # it has been made again, beside the damaged one
        return found

    def once(self, key: str, kind: type[R]) -> Sealed[R] | None:
        """As ``find``, but a record that was found is not read again in this process: it never changes."""
        if key not in self._read:
            sealed = self.find(key, kind)
            if sealed is None:
                return None
            self._read[key] = sealed
        return self._read[key]

    def append(self, folder: str, record: R) -> int:
        """Writes a record under the next free number of a folder and returns the number.

        Several writers get numbers of their own. Where to begin looking is taken from a listing; one that is behind
        only makes the first tries fail.

        Raises:
            OSError: it cannot be written.
        """
        number = self._next.get(folder) or max(self._listed(folder), default=0) + 1
        while not self.backend.put(key := _numbered(folder, number), seal(record, key=key)):
            number += 1
        self._next[folder] = number + 1
        return number

    def numbered(self, folder: str, kind: type[R], first: int = 1) -> Numbered[R]:
        """Returns the records of a folder, from number ``first`` on.

        They are found by asking for one number after the other, so a listing that is behind hides none of them. Where a
        number is missing a listing tells whether there are any beyond; what is missing before those counts as damaged.
        """
        result: Numbered[R] = Numbered(last=first - 1)
        number, listed = first, None
        while True:
            key = _numbered(folder, number)
            there, sealed = True, None
            try:
                sealed = self.get(key, kind)
                there = sealed is not None
            except CorruptRecord as error:
                self.damaged[key] = str(error)
                there = not isinstance(error, UnreadableRecord)
            if not there:
                listed = sorted(self._listed(folder)) if listed is None else listed
                following = next((item for item in listed if item >= number), None)
                if following is None:
                    break
                if following > number:
                    self.damaged.setdefault(key, _missing(key, following - number))
                    number = following
                    continue
            if sealed is not None:
                result.found[number] = sealed
                self.damaged.pop(key, None)
            result.used.append(number)
            result.last = number
            number += 1
        return result

    def list(self, prefix: str) -> list[str]:
        """Returns the keys of the records right below a folder, in order, each once; what is new may be missing."""
        return [key for key in self.names(prefix) if key.endswith(".json") and "~" not in key]

    def _unsealed(self, name: str, kind: type[R]) -> Sealed[R] | None:
        """Reads one generation of a record; what cannot be read is as good as damaged."""
        try:
            data = self.backend.get(name)
        except OSError as error:
            raise UnreadableRecord(f"{name}: cannot be read ({error.strerror or error})") from None
        return None if data is None else unseal(data, kind, name)

    def _listed(self, folder: str) -> Iterator[int]:
        return (int(found[1]) for key in self.names(folder) if (found := re.search(r"/(\d+)\.json$", key)))

    def names(self, folder: str) -> Sequence[str]:
        """Returns the keys right below a folder, in order; what is new may be missing.

        A folder that cannot be read is noted in ``damaged`` and has none.
        """
        try:
            return self.backend.list(folder)
        except OSError as error:
            self.damaged[folder] = f"{folder}: cannot be read ({error.strerror or error})"
            return ()


def _numbered(folder: str, number: int) -> str:
    return f"{folder}{number:04d}.json"


def _missing(key: str, count: int) -> str:
    if count == 1:
        return f"{key}: it is missing, and later ones are there"
    return f"{key}: it and the {count - 1:,} numbers after it are missing, and later ones are there"


def _generations(key: str) -> Iterator[str]:
    yield key
    stem, dot, ending = key.rpartition(".")
    for number in range(1, GENERATIONS):
        yield f"{stem}~{number}{dot}{ending}"
