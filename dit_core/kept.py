"""What was worked out before, kept on this machine: working it out needs packages that take seconds to import.

Everything lies in a file of ``$DIT_ABLATE_CACHE`` that is named by all that it depends on: what was asked, the source
of the code that answers, and the versions of the packages that this uses. So what has become wrong is never found.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from dit_core.data.paths import cache_folder
from dit_core.files import replacing

T = TypeVar("T")


class Kept(Generic[T]):
    """Answers of one kind.

    Args:
        name: the folder in the cache.
        kind: what they are.
        sources: files, and folders of Python files, of the code that answers.
        packages: what that uses, by the names of the distributions.
    """

    def __init__(self, name: str, kind: type[T], sources: Sequence[Path], packages: Sequence[str]) -> None:
        self._name, self._adapter = name, TypeAdapter(kind)
        self._sources, self._packages = sources, packages

    def read(self, asked: Any) -> T | None:
        """Returns what was kept under a question, plain JSON data; None for nothing, or a damaged file.

        Where there is no cache folder, not even a home for one (``RuntimeError``), nothing is kept.
        """
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            return self._adapter.validate_json(self._path(asked).read_bytes())
        return None

    def keep(self, asked: Any, found: T) -> None:
        """Keeps an answer; without room nothing is kept."""
        with contextlib.suppress(OSError, RuntimeError), replacing(self._path(asked), durably=False) as temporary:
            temporary.write_bytes(self._adapter.dump_json(found))

    def _path(self, asked: Any) -> Path:
        told = json.dumps([self._code, asked], sort_keys=True)
        return cache_folder() / self._name / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.json"

    @cached_property
    def _code(self) -> str:
        """A digest of the code that answers."""
        content = hashlib.sha256(" ".join(map(version, self._packages)).encode())
        for source in self._sources:
            for path in sorted(source.rglob("*.py")) if source.is_dir() else (source,):
                content.update(path.read_bytes())
        return content.hexdigest()
