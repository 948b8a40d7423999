"""Which store a command takes that is given none. Light: the command line's help must not wait for it."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT_STORE = "dit-ablate-store"
STORE_VARIABLE = "DIT_ABLATE_STORE"


def default_store() -> Path:
    """Returns the store of a command without ``--store``, in this folder and environment."""
    return Path(os.environ.get(STORE_VARIABLE) or DEFAULT_STORE).expanduser().absolute()
