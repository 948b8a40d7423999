"""Which store a command takes that is given none. Light: the command line's help must not wait for it."""

from __future__ import annotations

DEFAULT_STORE = "dit-ablate-store"
STORE_VARIABLE = "DIT_ABLATE_STORE"
