"""The Git checkout that the package runs from, if it does."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from service.redact import redacted

DIFF_BYTES = 256 * 1024
"""What is kept of a difference; the rest is only counted."""
_SECONDS = 10.0


@dataclass(frozen=True)
class Checkout:
    """A commit and what is not committed.

    Attributes:
        commit: 40 hex digits; empty where the code is no checkout.
        remote: its origin, without passwords.
        diff: of tracked files only, cut to ``DIFF_BYTES``, without passwords in addresses.
        diff_bytes: how long all of it is.
    """

    commit: str = ""
    remote: str = ""
    diff: str = ""
    diff_bytes: int = 0


def checkout(file: Path) -> Checkout:
    """Returns the checkout that tracks a file; an empty one where none does, or Git is not here.

    Args:
        file: a file of the code that runs.
    """
    if not _git(file.parent, "ls-files", "--error-unmatch", "--", file.name):
        return Checkout()  # installed, perhaps inside somebody else's repository
    commit = _git(file.parent, "rev-parse", "HEAD").decode().strip()
    root = Path(_git(file.parent, "rev-parse", "--show-toplevel").decode().strip() or file.parent)
    remote = _git(root, "config", "--get", "remote.origin.url").decode(errors="replace").strip()
    diff = _git(root, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "HEAD", "--")
    text = diff[:DIFF_BYTES].decode(errors="replace")
    return Checkout(commit, redacted(remote), redacted(text), len(diff))


def _git(folder: Path, *arguments: str) -> bytes:
    """Runs Git and returns what it prints, nothing where it fails. The code is ours, whoever owns the folder."""
    command = ("git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", *arguments)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout if done.returncode == 0 else b""
