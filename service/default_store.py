"""Which store a command takes that is given none, and whether there is one. Light: nothing here waits for torch."""

from __future__ import annotations

import re
from pathlib import Path

from dit_core.errors import UserError
from dit_core.paths import expanded

DEFAULT_STORE = "dit-ablate-store"
STORE_VARIABLE = "DIT_ABLATE_STORE"
ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<slashes>/+)(?P<rest>.*)", re.DOTALL)
"""What is no folder's name but an address, well formed or not."""


def no_store(place: object) -> UserError:
    """The sentence for a command that reads a store where there is none."""
    return UserError(f"store: there is none at {place}; `dit-ablate run` makes one, or give --store")


def require_folder(place: str | Path) -> None:
    """Refuses a folder that is missing or empty at once, before anything that takes seconds is imported.

    Raises:
        UserError: it is; an address (``s3://...``) is never refused here.
    """
    if ADDRESS.fullmatch(str(place)):
        return
    path = expanded(place, "store").resolve()
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        raise no_store(path)
