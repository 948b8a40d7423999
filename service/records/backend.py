"""Where records lie: what a file system and an object store can both keep."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from dit_core.files import create_durably, write_durably


class Backend(Protocol):
    """Bytes under keys such as ``studies/tiny/decisions/12800.json``.

    Records are written once (``put``) and never change. Nothing that has to be right relies on ``list``, which may be
    behind: what must be found is found by its key. What is replaced in place (``write``) or deleted is for people, a
    heartbeat, or a cache: a writer that was superseded must not do either (``Store.superseded``).
    """

    def put(self, key: str, data: bytes) -> bool:
        """Writes ``data`` unless the key is taken; of several writers exactly one gets True.

        Raises:
            OSError: it cannot be written.
        """
        ...

    def get(self, key: str) -> bytes | None:
        """Returns what lies under a key, None where nothing does.

        Raises:
            OSError: it cannot be read.
        """
        ...

    def list(self, prefix: str) -> list[str]:
        """Returns the keys that begin with ``prefix``, a whole folder such as ``studies/tiny/failures/``, in order."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Writes ``data``, whole or not at all, and replaces what lies there; the last writer's stays.

        Raises:
            OSError: it cannot be written.
        """
        ...

    def delete(self, key: str) -> None:
        """Removes what lies under a key, if anything does.

        Raises:
            OSError: it cannot be removed.
        """
        ...


class FolderBackend:
    """Keeps every key as a file below a folder.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, data: bytes) -> bool:
        """Writes a file unless there is one; see ``Backend.put``."""
        path = self.root / key
        return not path.exists() and create_durably(path, data)

    def get(self, key: str) -> bytes | None:
        """Returns a file's bytes; a folder or a link to nowhere in its place counts as damaged, not as missing."""
        path = self.root / key
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return b"" if path.is_symlink() else None  # a link to nowhere takes the key as a file does
        except IsADirectoryError:
            return b""

    def list(self, prefix: str) -> list[str]:
        """Returns the files right below a folder; temporary ones are left out."""
        folder = self.root / prefix
        if not folder.is_dir():
            return []
        return sorted(prefix + path.name for path in folder.iterdir() if not path.name.startswith("."))

    def write(self, key: str, data: bytes) -> None:
        """Replaces a file; see ``Backend.write``."""
        write_durably(self.root / key, data)

    def delete(self, key: str) -> None:
        """Removes a file; see ``Backend.delete``."""
        (self.root / key).unlink(missing_ok=True)
