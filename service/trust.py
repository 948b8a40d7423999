"""Which code from outside may run on this machine: what a person has said yes to, by the digest of its source."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from dit_core.data.paths import cache_folder
from dit_core.errors import UserError
from dit_core.files import write_durably
from dit_core.plugins.bundle import Bundle
from dit_core.plugins.reading import readable


class Untrusted(UserError):
    """A study names code that nobody here has said yes to.

    Attributes:
        bundles: the code.
    """

    def __init__(self, bundles: Iterable[Bundle]) -> None:
        self.bundles = tuple(bundles)
        told = "; ".join(map(described, self.bundles))
        super().__init__(
            f"plugins: the study would run code that has not been run on this machine before: {told}. Look at it, and "
            "give --trust (trust=True in Python)"
        )


def described(bundle: Bundle) -> str:
    """Says what a plugin is, without running it: its files, its digest, and what reading it tells."""
    others = [str(Path(bundle.folder) / file) for file in bundle.files if file.split("/")[0] != bundle.name]
    lines = sum(module.text.count("\n") + 1 for module in bundle.modules.values())
    beside = f" with {', '.join(others)}" if others else ""
    names = ", ".join(f"the {registry.kind} {name!r}" for registry, name, _ in readable(bundle))
    registers = names or "what only running it tells"
    return f"{bundle.path}{beside} ({lines} lines, SHA-256 {bundle.short}..., registers {registers})"


def trust(bundle: Bundle) -> None:
    """Remembers that a plugin may run here, as it is now; without room for that it has to be said again."""
    with contextlib.suppress(OSError):
        _mark(bundle).parent.mkdir(parents=True, exist_ok=True)
        write_durably(_mark(bundle), f"{bundle.path}\n".encode())


def is_trusted(bundle: Bundle) -> bool:
    """Whether somebody has said on this machine that a plugin may run, as it is now."""
    return _mark(bundle).is_file()


def _mark(bundle: Bundle) -> Path:
    return cache_folder() / "trusted-plugins" / bundle.digest
