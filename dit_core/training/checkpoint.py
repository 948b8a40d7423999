"""Checkpoints: one safetensors file each, written atomically, verified on load, never unpickled.

``<images>.safetensors`` ends a segment and is kept; ``<images>.partial.safetensors`` lies inside one and is removed
once a later checkpoint has been read back and found whole. The metadata hold the images seen, the format version and
a SHA-256 over every tensor's name, type, shape and bytes, so a torn or altered file is never trained from.

Where the trial's folder is not shared by all who train it, a ``Mirror`` is: checkpoints are published there and fetched
from there. The folder is a cache then, and keeps the newest one only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dit_core.files import clear_abandoned, move, replacing
from dit_core.runtime import distributed
from dit_core.training.checksum import FORMAT, Checksum
from dit_core.training.state import TrainState

_SUFFIX, _PARTIAL = ".safetensors", ".partial.safetensors"
_FETCHES = 5


class CorruptCheckpoint(Exception):
    """A checkpoint that must not be used; ``str(error)`` says why."""


class Mirror(Protocol):
    """Where checkpoints are published for whoever does not see this folder."""

    def names(self) -> list[str]:
        """Returns the names of the checkpoints that are published."""
        ...

    def fetch(self, name: str, path: Path) -> str:
        """Makes a file of a published checkpoint, unless it is the same already.

        Several processes of a machine may do so at once. A file appears whole or not at all.

        Returns:
            Nothing, or in one sentence why it must not be used.

        Raises:
            OSError: it cannot be fetched now.
        """
        ...

    def publish(self, name: str, path: Path) -> None:
        """Publishes a file, whole or not at all, in place of what has that name.

        Raises:
            OSError: it cannot be published now.
        """
        ...

    def remove(self, name: str) -> None:
        """Removes a published checkpoint, if it is there.

        Raises:
            OSError: it cannot be removed now.
        """
        ...


class Checkpoints:
    """A trial's checkpoints in one folder.

    Args:
        folder: where they lie; made when first written to.
        mirror: where they are published; None where the folder is all there is.
        not_written: told why one could not be written; returns when it is worth another try, raises when it is not.
    """

    def __init__(
        self,
        folder: Path,
        mirror: Mirror | None = None,
        not_written: Callable[[Exception], None] | None = None,
    ) -> None:
        self.folder = folder
        self._mirror, self._not_written = mirror, not_written

    def path(self, images: int, *, partial: bool = False) -> Path:
        """Returns where the checkpoint at ``images`` images seen belongs."""
        return self.folder / f"{images:012d}{_PARTIAL if partial else _SUFFIX}"

    def found(self) -> list[tuple[int, Path]]:
        """Returns (images, path) of every checkpoint, newest first, a kept one before a partial one.

        Those that are only published have to be fetched before they are read, by ``fetch``.
        """
        names = {path.name for path in self.folder.glob(f"*{_SUFFIX}")} | set(self._published())
        paths = [self.folder / name for name in sorted(names, key=lambda name: (name.endswith(_PARTIAL), name))]
        named = [(path.name.split(".")[0], path) for path in paths if not path.name.startswith(".")]
        return sorted(((int(n), path) for n, path in named if n.isdecimal()), key=lambda item: -item[0])

    def fetch(self, path: Path) -> None:
        """Makes sure that a checkpoint that was found is the one that is published.

        One that is in the folder only is let be: whoever wrote it was ended before it was published.

        Raises:
            CorruptCheckpoint: what is published must not be used.
            OSError: it cannot be fetched now.
        """
        if self._mirror is None or (path.is_file() and path.name not in self._published()):
            return
        problem = self._mirror.fetch(path.name, path)
        if problem:
            raise CorruptCheckpoint(f"checkpoint {path.name} ignored: {problem}")

    def restore(self, state: TrainState, until: int) -> tuple[int, tuple[str, ...]]:
        """Loads the newest valid checkpoint not beyond ``until``; all ranks load the same one. Collective.

        One that another process removes meanwhile is no damage: it had written a later one, so all are looked for anew.

        Returns:
            Images seen by the loaded state (0: nothing to load) and a sentence for every checkpoint passed over.

        Raises:
            UserError: the checkpoint is whole but belongs to another model.
            OSError: a published checkpoint cannot be fetched now, on any rank.
        """
        while True:
            ignored: list[str] = []
            for images, path in distributed.from_first([item for item in self.found() if item[0] <= until]):
                tensors: dict[str, Tensor] = {}
                problem: CorruptCheckpoint | OSError | None = None
                try:
                    tensors = self._read(path, images)
                except (CorruptCheckpoint, OSError) as error:
                    problem = error
                problems = [found for found in distributed.from_all(problem) if found is not None]
                unreachable = [found for found in problems if isinstance(found, OSError)]
                if unreachable:  # it may be whole: training from an older one would repeat work
                    raise unreachable[0]
                if not problems:
                    state.load(tensors, str(path))
                    if distributed.rank() == 0 and self._mirror is not None and path.name not in self._published():
                        self._publish(path)  # its writer was ended before it could
                    return images, tuple(ignored)
                if distributed.from_first(self._is_gone(path)):
                    break
                ignored.append(str(problems[0]))
            else:
                return 0, tuple(ignored)

    def save(self, state: TrainState, images: int, *, partial: bool) -> Path:
        """Writes a checkpoint (rank 0), reads it back, and removes the partial ones it supersedes. Collective."""
        written = self.write(state.tensors(), images, partial=partial) if distributed.rank() == 0 else None
        path = distributed.from_first(written)
        assert path is not None
        return path

    def write(self, tensors: Mapping[str, Tensor], images: int, *, partial: bool) -> Path:
        """As ``save``, on the rank that writes; ``tensors`` are the state's, which nobody changes meanwhile."""
        path = self.path(images, partial=partial)
        self._write(path, tensors, images)
        self._tidy(images, path)
        return path

    def keep(self, images: int) -> None:
        """Makes the checkpoint at ``images`` a kept one if it is only a partial one. Collective."""
        partial, kept = self.path(images, partial=True), self.path(images)
        if distributed.rank() == 0 and partial.exists():
            move(partial, kept)
            self._publish(kept)
            self._tidy(images, kept)
        distributed.from_first(None)

    def remove(self, path: Path) -> None:
        """Removes a checkpoint, here and where it is published."""
        if self._mirror is not None:
            self._mirror.remove(path.name)
        path.unlink(missing_ok=True)

    def _read(self, path: Path, images: int) -> dict[str, Tensor]:
        """Fetches a checkpoint and reads it; another process that uses this cache may tidy it away in between."""
        for _ in range(_FETCHES):
            self.fetch(path)
            try:
                return read(path, images)
            except CorruptCheckpoint:
                if self._mirror is None or path.exists():
                    raise
        raise OSError(f"checkpoint {path.name} is removed from {path.parent} as often as it is fetched")

    def _is_gone(self, path: Path) -> bool:
        return not path.exists() and path.name not in self._published()

    def _published(self) -> list[str]:
        return [] if self._mirror is None else [name for name in self._mirror.names() if name.endswith(_SUFFIX)]

    def _publish(self, path: Path) -> None:
        if self._mirror is not None:
            self._mirror.publish(path.name, path)

    def _write(self, path: Path, tensors: Mapping[str, Tensor], images: int) -> None:
        """Writes and publishes a checkpoint, again and again while ``not_written`` finds that worth it."""
        while True:
            try:
                write(path, tensors, images)
                read(path, images)
                return self._publish(path)
            except (OSError, SafetensorError) as error:
                if self._not_written is None:
                    raise
                self._not_written(error)

    def _tidy(self, images: int, newest: Path) -> None:
        for found, path in self.found():
            if found > images or path == newest:
                continue
            if path.name.endswith(_PARTIAL):
                self.remove(path)
            elif self._mirror is not None:  # it is published, and fetched again by whoever needs it
                path.unlink(missing_ok=True)
        clear_abandoned(self.folder)


def write(path: Path, tensors: Mapping[str, Tensor], images: int) -> None:
    """Writes a checkpoint so that a reader sees all of it or none, even if this process is killed.

    Args:
        path: where it goes; parents are made.
        tensors: the state; tensors on the CPU are not copied.
        images: training images seen.
    """
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"images": str(images), "format": str(FORMAT), "sha256": checksum(on_cpu, images)}
    with replacing(path) as temporary:
        save_file(on_cpu, temporary, metadata)


def read(path: Path, images: int) -> dict[str, Tensor]:
    """Returns a checkpoint's tensors, on the CPU, backed by the file (copy what is to outlive it).

    Args:
        path: the checkpoint.
        images: training images it must be of.

    Raises:
        CorruptCheckpoint: it is missing, torn, altered, or of another format.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise CorruptCheckpoint(f"checkpoint {path.name} ignored: unreadable or truncated ({error})") from None
    if metadata.get("format") != str(FORMAT):
        found = metadata.get("format", "none")
        raise CorruptCheckpoint(f"checkpoint {path.name} ignored: format {found}, this version reads {FORMAT}")
    if metadata.get("images") != str(images) or metadata.get("sha256") != checksum(tensors, images):
        raise CorruptCheckpoint(f"checkpoint {path.name} ignored: its content does not match its checksum")
    return tensors


def checksum(tensors: Mapping[str, Tensor], images: int) -> str:
    """Returns the SHA-256 over the images seen and every tensor's name, type, shape and bytes."""
    total = Checksum(images)
    for name in sorted(tensors):
        tensor = tensors[name]
        total.add(name, tensor.dtype, tensor.shape, [tensor.reshape(-1).view(torch.uint8).numpy().data])
    return total.hexdigest()
