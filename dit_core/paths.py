"""Paths as people write them."""

from __future__ import annotations

import os
from pathlib import Path

from dit_core.errors import UserError


def expanded(given: str | os.PathLike[str], where: str = "") -> Path:
    """Returns a path with ``~`` replaced by the home folder.

    Args:
        given: the path.
        where: the field it was given for; opens the error.

    Raises:
        UserError: it is no text, no file can be called so, or it begins with ``~`` and the name of no user.
    """
    opens = f"{where}: " if where else ""
    try:
        text = os.fspath(given)
    except TypeError:
        raise UserError(f"{opens}{given!r:.60} is no path") from None
    if not text.strip():
        raise UserError(f"{opens}an empty name is no path; the current folder is .")
    if not isinstance(text, str) or "\0" in text or not _encodes(text):
        raise UserError(f"{opens}{text!r:.60} is no name that a file can have")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(
            f"{opens}{text!r:.60} begins with the home folder of a user that this machine does not have; a file whose "
            f"name begins so is written ./{text:.60}"
        ) from None


def _encodes(text: str) -> bool:
    """Whether the file system has bytes for a name."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True
