"""Typed records over a backend: written once, read with their checksum, made again beside a damaged one."""

from __future__ import annotations

from collections.abc import Iterator

from service.records.backend import Backend
from service.records.envelope import CorruptRecord, R, Sealed, seal, unseal

GENERATIONS = 100
"""A damaged record is never overwritten: the next one has ``~1``, ``~2``, ... before its ending."""


class Records:
    """Reads and writes typed records.

    Args:
        backend: where they lie.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def put(self, key: str, record: R) -> Sealed[R]:
        """Writes a record unless a sound one is there, and returns the one that stands: the first writer's.

        Args:
            key: where it belongs, e.g. ``trials/<train_id>/trial.json``.
            record: what to write.

        Raises:
            OSError: it cannot be written.
            CorruptRecord: what was just written cannot be read back.
        """
        data = seal(record)
        for name in _generations(key):
            if self.backend.put(name, data):
                return unseal(data, type(record), name)
            there = self.backend.get(name)
            if there == data:
                return unseal(data, type(record), name)
            try:
                return unseal(there or b"", type(record), name)
            except CorruptRecord:
                continue
        raise CorruptRecord(f"{key}: {GENERATIONS} damaged records stand in its place")

    def get(self, key: str, kind: type[R]) -> Sealed[R] | None:
        """Returns the record under a key, None where there is none.

        Raises:
            CorruptRecord: there is something, and none of it is that record.
            OSError: it cannot be read.
        """
        problem: CorruptRecord | None = None
        for name in _generations(key):
            data = self.backend.get(name)
            if data is None:
                break
            try:
                return unseal(data, kind, name)
            except CorruptRecord as error:
                problem = problem or error
        if problem is not None:
            raise problem
        return None

    def list(self, prefix: str) -> list[str]:
        """Returns the keys of the records right below a folder, in order, each once."""
        return [key for key in self.backend.list(prefix) if key.endswith(".json") and "~" not in key]


def _generations(key: str) -> Iterator[str]:
    yield key
    stem, dot, ending = key.rpartition(".")
    for number in range(1, GENERATIONS):
        yield f"{stem}~{number}{dot}{ending}"
