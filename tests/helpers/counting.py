"""Counts what is read from and written to a store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from service.records.records import Records
from service.records.store import Store


class CountingBackend:
    """A backend that counts every call and passes it on."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._backend, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            self.calls[name] += 1
            return found(*arguments, **named)

        return counted if callable(found) else found


class CountingStore(Store):
    """A store that counts how often its backend is asked, and for how many trials its records are read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._counting = CountingBackend(self.records.backend)
        self.records = Records(self._counting)
        self.reads: Counter[str] = Counter()

    def evaluations(self, *arguments: Any) -> Any:
        self.reads["trials"] += 1
        return super().evaluations(*arguments)

    def count(self) -> dict[str, int]:
        """Calls since the last time this was asked."""
        calls = {**self._counting.calls, **self.reads}
        self._counting.calls.clear()
        self.reads.clear()
        return calls
