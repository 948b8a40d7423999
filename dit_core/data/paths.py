"""The folder that a data set lies in, checked."""

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
