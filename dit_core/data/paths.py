"""The folder that a data set lies in, checked; the cache folder; file names that are not valid Unicode."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dit_core.data.config import DataConfig
from dit_core.errors import UserError
from dit_core.paths import expanded


def data_folder(config: DataConfig) -> Path:
    """Returns ``data.path`` as a folder that exists and can be listed.

    Raises:
        UserError: when it is not set, missing, not a folder or not readable.
    """
    if config.path is None:
        raise UserError(f"data.path: required for the data set {config.name!r} and missing")
    folder = expanded(config.path, "data.path")
    try:
        if not folder.exists():
            raise UserError(f"data.path: {config.path!r} does not exist")
        if not folder.is_dir():
            raise UserError(f"data.path: {config.path!r} is a file, not a folder")
        next(folder.iterdir(), None)
    except OSError as error:
        raise UserError(f"data.path: {config.path!r} cannot be read ({error.strerror or error})") from None
    return folder


def walk(folder: Path) -> Iterator[str]:
    """Yields every file below ``folder`` that is not hidden, as a relative path with forward slashes, sorted.

    Raises:
        UserError: when a folder cannot be listed.
    """

    def fail(error: OSError) -> None:
        raise UserError(f"data.path: {error.filename} cannot be read ({error.strerror})")

    names = []
    for root, folders, files in os.walk(folder, onerror=fail, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [(Path(root) / name).relative_to(folder).as_posix() for name in files if not name.startswith(".")]
    yield from sorted(names)


def file_stamp(path: Path) -> str | None:
    """Returns a cheap token that changes when a file does (size and modification time); None when it has none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{status.st_size}:{status.st_mtime_ns}"


def cache_folder() -> Path:
    """Returns where things that can be made anew are kept: ``$DIT_ABLATE_CACHE``, or ``~/.cache/dit-ablate``."""
    return Path(os.environ.get("DIT_ABLATE_CACHE") or "~/.cache/dit-ablate").expanduser()


def file_bytes(text: str) -> bytes:
    """Returns the bytes of a text with file names in it, whatever bytes they are made of."""
    return text.encode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    """Returns a text with file names in it so that any terminal can show it."""
    return text.encode("utf-8", "replace").decode()
