"""Where records lie: what a file system and an object store can both keep."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Protocol

from dit_core.errors import UserError
from dit_core.files import create, write_durably
from service.records.kinds import Whereabouts

_PART = re.compile(r"(?!\.{1,2}(?:/|\Z))[^/\\\x00-\x1f\x7f]{1,200}")
_KEY = re.compile(rf"{_PART.pattern}(?:/{_PART.pattern})*")


def is_name(text: str) -> bool:
    """Whether a text may be one part of a key: no way out of the folder it names something in, and no control code."""
    return _PART.fullmatch(text) is not None


def checked(key: str, *, folder: bool = False) -> str:
    """Returns a key, or what all keys of a folder begin with, which leads nowhere but into the store.

    Raises:
        UserError: it would lead elsewhere, or no file can be called so.
    """
    if not (folder and key == "") and not _KEY.fullmatch(key.removesuffix("/") if folder else key):
        raise UserError(
            f"store: {key!r:.80} is no name in a store: '..', empty parts and control characters lead astray"
        )
    return key


class Backend(Protocol):
    """Bytes under keys such as ``studies/tiny/decisions/12800.json``.

    Keys are names below the store and lead nowhere else (``checked``).

    Records are written once (``put``) and never change. Nothing that has to be right relies on ``list``, which may be
    behind: what must be found is found by its key. What is replaced in place (``write``) or deleted is for people, a
    heartbeat, or a cache: a writer that was superseded must not do either (``Store.superseded``).
    """

    def put(self, key: str, data: bytes, *, durably: bool = True) -> bool:
        """Writes ``data`` unless the key is taken; of several writers exactly one gets True.

        Args:
            key: where.
            data: what.
            durably: whether it has to be there after a power cut.

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
        self._folder = f"{root}{os.sep}"  # strings: a study of 10,000 trials asks 100,000 times

    def put(self, key: str, data: bytes, *, durably: bool = True) -> bool:
        """Writes a file unless there is one; see ``Backend.put``."""
        path = f"{self._folder}{checked(key)}"
        return not os.path.exists(path) and create(path, data, durably=durably)

    def get(self, key: str) -> bytes | None:
        """Returns a file's bytes; a folder or a link to nowhere in its place counts as damaged, not as missing."""
        path = f"{self._folder}{checked(key)}"
        try:
            return _content(path)
        except (FileNotFoundError, NotADirectoryError):
            return b"" if os.path.islink(path) else None  # a link to nowhere takes the key as a file does
        except IsADirectoryError:
            return b""

    def list(self, prefix: str) -> list[str]:
        """Returns the files right below a folder; temporary ones are left out."""
        try:
            names = os.listdir(f"{self._folder}{checked(prefix, folder=True)}")
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(prefix + name for name in names if not name.startswith("."))

    def write(self, key: str, data: bytes) -> None:
        """Replaces a file; see ``Backend.write``."""
        write_durably(self.root / checked(key), data)

    def delete(self, key: str) -> None:
        """Removes a file; see ``Backend.delete``."""
        (self.root / checked(key)).unlink(missing_ok=True)

    def vacant(self) -> bool:
        """Whether there is no file here but hidden ones: no folder, empty ones, or what a killed creation has left."""
        for around, folders, files in os.walk(self.root):
            if any(not name.startswith(".") for name in files):
                return False
            folders[:] = [name for name in folders if not name.startswith(".")]
            links = [Path(around, name) for name in folders if Path(around, name).is_symlink()]
            if any(next(link.iterdir(), None) is not None for link in links):
                return False
        return True

    def whereabouts(self, marker: str) -> Whereabouts:
        """Where the store lies, and which file its marker is."""
        found = (self.root / checked(marker)).stat()
        return Whereabouts(
            host=socket.gethostname(),
            place=str(self.root),
            inode=found.st_ino,
            written=found.st_mtime_ns,
            changed=found.st_ctime_ns,
        )


def _content(path: str) -> bytes:
    """Reads a file with half the system calls of a file object: as many bytes as it has, and a try for one more."""
    number = os.open(path, os.O_RDONLY)
    try:
        wanted = os.fstat(number).st_size + 1
        found = os.read(number, wanted)
        if len(found) == wanted - 1:
            return found
        parts = [found]  # it is larger than one call reads, or its size is not known beforehand
        while part := os.read(number, 2**20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(number)
