"""The folder that a data set lies in, checked; the cache folder; file names that are not valid Unicode."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dit_core.data.config import DataConfig
from dit_core.errors import UserError
from dit_core.paths import expanded
from dit_core.runtime.account import can_have, home, temporary_home


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


def walk(folder: Path, repeated: list[str] | None = None) -> Iterator[str]:
    """Yields every file below ``folder`` that is not hidden, as a relative path with forward slashes, sorted.

    Links are followed, but not to what is found anyway: a link to a folder above it, to a folder or to a file that
    is listed itself, or the second link to the same place.

    Args:
        folder: where to look.
        repeated: gets the links that were not followed.

    Raises:
        UserError: when a folder cannot be listed.
    """
    names: list[str] = []
    links: list[str] = []
    seen: set[tuple[int, int] | None] = set()

    def look(below: str) -> None:
        seen.add(_place(folder / below))
        try:
            entries = sorted(os.scandir(folder / below), key=lambda entry: entry.name)
        except OSError as error:
            raise UserError(f"data.path: {error.filename} cannot be read ({error.strerror})") from None
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.is_symlink():
                links.append(name)
            elif entry.is_dir():
                if _place(folder / name) not in seen:
                    look(name)
                elif repeated is not None:  # below a link to a folder above
                    repeated.append(name)
            else:
                names.append(name)

    look("")
    if links:  # after all that lies here itself, which goes before what is linked
        seen |= {place for name in names if (place := _place(folder / name)) is not None}
    while links:
        name = links.pop(0)
        place = _place(folder / name)
        if place is not None and place in seen:
            if repeated is not None:
                repeated.append(name)
        elif (folder / name).is_dir():
            known = len(names)
            look(name)
            new = {found: _place(folder / found) for found in names[known:]}
            names[known:] = [found for found, place in new.items() if place is None or place not in seen]
            seen |= set(new.values())
        else:  # a broken one, too: reading it says so
            names.append(name)
            seen |= {place} if place is not None else set()
    yield from sorted(names)


def _place(path: Path) -> tuple[int, int] | None:
    """What a file or folder is, whatever name leads to it; None for a broken link."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def file_stamp(path: Path) -> str | None:
    """Returns a cheap token that changes when a file does (size and modification time); None when it has none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{status.st_size}:{status.st_mtime_ns}"


def cache_folder() -> Path:
    """Returns where things that can be made anew are kept: ``$DIT_ABLATE_CACHE``, or ``~/.cache/dit-ablate``.

    An account without a home, or with one that it cannot write in, has a temporary folder of its own instead.
    """
    given = os.environ.get("DIT_ABLATE_CACHE")
    if given:
        return expanded(given, "DIT_ABLATE_CACHE")
    own = home()
    kept = None if own is None else own / ".cache" / "dit-ablate"
    return kept if kept is not None and can_have(kept) else temporary_home() / ".cache" / "dit-ablate"


def file_bytes(text: str) -> bytes:
    """Returns the bytes of a text with file names in it, whatever bytes they are made of."""
    return text.encode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    """Returns a text with file names in it so that any terminal can show it."""
    return text.encode("utf-8", "replace").decode()
