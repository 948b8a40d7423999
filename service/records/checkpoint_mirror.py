"""A trial's checkpoints in a bucket, for a training loop that works in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Mirror(Protocol):
    """What ``dit_core.training.checkpoint.Mirror`` asks for; importing that would import PyTorch here."""

    def names(self) -> list[str]:
        """Returns the names of the checkpoints that are published."""
        ...

    def fetch(self, name: str, path: Path) -> str:
        """Makes a file of a published checkpoint; returns why it must not be used, or nothing."""
        ...

    def publish(self, name: str, path: Path) -> None:
        """Publishes a file, whole or not at all."""
        ...

    def remove(self, name: str) -> None:
        """Removes a published checkpoint, if it is there."""
        ...


class Files(Protocol):
    """A backend that takes and gives files."""

    def list(self, prefix: str) -> list[str]:
        """Returns the keys right below a prefix."""
        ...

    def upload(self, key: str, path: Path) -> None:
        """Replaces what lies under a key by a file."""
        ...

    def download(self, key: str, path: Path) -> str:
        """Makes a file of what lies under a key; returns why it must not be used, or nothing."""
        ...

    def delete(self, key: str) -> None:
        """Removes what lies under a key."""
        ...


class CheckpointMirror:
    """Publishes checkpoints under a prefix.

    Args:
        files: where they are published.
        prefix: what their keys begin with, ending in a slash.
    """

    def __init__(self, files: Files, prefix: str) -> None:
        self._files, self._prefix = files, prefix

    def names(self) -> list[str]:
        """Returns the names of the checkpoints that are published."""
        return [key.removeprefix(self._prefix) for key in self._files.list(self._prefix)]

    def fetch(self, name: str, path: Path) -> str:
        """Makes a file of a published checkpoint, unless it is the same already.

        Returns:
            Nothing, or in one sentence why it must not be used.

        Raises:
            OSError: it cannot be fetched now.
        """
        return self._files.download(self._prefix + name, path)

    def publish(self, name: str, path: Path) -> None:
        """Publishes a file, whole or not at all, with its SHA-256.

        Raises:
            OSError: it cannot be published now.
        """
        self._files.upload(self._prefix + name, path)

    def remove(self, name: str) -> None:
        """Removes a published checkpoint, if it is there.

        Raises:
            OSError: it cannot be removed now.
        """
        self._files.delete(self._prefix + name)
