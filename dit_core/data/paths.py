"""The folder that a data set lies in, checked, and file names that are not valid Unicode."""

from __future__ import annotations

from pathlib import Path

from dit_core.data.config import DataConfig
from dit_core.errors import UserError


def data_folder(config: DataConfig) -> Path:
    """Returns ``data.path`` as a folder that exists and can be listed.

    Raises:
        UserError: when it is not set, missing, not a folder or not readable.
    """
    if config.path is None:
        raise UserError(f"data.path: required for the data set {config.name!r} and missing")
    folder = Path(config.path).expanduser()
    try:
        if not folder.exists():
            raise UserError(f"data.path: {config.path!r} does not exist")
        if not folder.is_dir():
            raise UserError(f"data.path: {config.path!r} is a file, not a folder")
        next(folder.iterdir(), None)
    except OSError as error:
        raise UserError(f"data.path: {config.path!r} cannot be read ({error.strerror or error})") from None
    return folder


def file_bytes(text: str) -> bytes:
    """Returns the bytes of a text with file names in it, whatever bytes they are made of."""
    return text.encode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    """Returns a text with file names in it so that any terminal can show it."""
    return text.encode("utf-8", "replace").decode()
