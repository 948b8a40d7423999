"""Checkpoints: one safetensors file each, written atomically, verified on load, never unpickled.

``<images>.safetensors`` ends a segment and is kept; ``<images>.partial.safetensors`` lies inside one and is removed
once a later checkpoint has been read back and found whole. The metadata hold the images seen, the format version and
a SHA-256 over every tensor's name, type, shape and bytes, so a torn or altered file is never trained from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dit_core.files import clear_abandoned, move, replacing
from dit_core.runtime import distributed
from dit_core.training.state import TrainState

FORMAT = 2
_SUFFIX, _PARTIAL = ".safetensors", ".partial.safetensors"


class CorruptCheckpoint(Exception):
    """A checkpoint that must not be used; ``str(error)`` says why."""


class Checkpoints:
    """A trial's checkpoints in one folder.

    Args:
        folder: where they lie; made when first written to.
        not_written: told why one could not be written; returns when it is worth another try, raises when it is not.
    """

    def __init__(self, folder: Path, not_written: Callable[[Exception], None] | None = None) -> None:
        self.folder, self._not_written = folder, not_written

    def path(self, images: int, *, partial: bool = False) -> Path:
        """Returns where the checkpoint at ``images`` images seen belongs."""
        return self.folder / f"{images:012d}{_PARTIAL if partial else _SUFFIX}"

    def found(self) -> list[tuple[int, Path]]:
        """Returns (images, path) of every checkpoint, newest first, a kept one before a partial one."""
        paths = sorted(self.folder.glob(f"*{_SUFFIX}"), key=lambda path: (path.name.endswith(_PARTIAL), path.name))
        named = [(path.name.split(".")[0], path) for path in paths if not path.name.startswith(".")]
        return sorted(((int(n), path) for n, path in named if n.isdecimal()), key=lambda item: -item[0])

    def restore(self, state: TrainState, until: int) -> tuple[int, tuple[str, ...]]:
        """Loads the newest valid checkpoint not beyond ``until``; all ranks load the same one. Collective.

        One that another process removes meanwhile is no damage: it had written a later one, so all are looked for anew.

        Returns:
            Images seen by the loaded state (0: nothing to load) and a sentence for every checkpoint passed over.

        Raises:
            UserError: the checkpoint is whole but belongs to another model.
        """
        while True:
            ignored: list[str] = []
            for images, path in distributed.from_first([item for item in self.found() if item[0] <= until]):
                tensors: dict[str, Tensor] = {}
                problem = None
                try:
                    tensors = read(path, images)
                except CorruptCheckpoint as error:
                    problem = str(error)
                problems = [found for found in distributed.from_all(problem) if found is not None]
                if not problems:
                    state.load(tensors, str(path))
                    return images, tuple(ignored)
                if not distributed.from_first(path.exists()):
                    break
                ignored.append(problems[0])
            else:
                return 0, tuple(ignored)

    def save(self, state: TrainState, images: int, *, partial: bool) -> Path:
        """Writes a checkpoint (rank 0), reads it back, and removes the partial ones it supersedes. Collective."""
        path = self.path(images, partial=partial)
        if distributed.rank() == 0:
            self._write(path, state, images)
            read(path, images)
            self._tidy(images, path)
        return distributed.from_first(path)

    def keep(self, images: int) -> None:
        """Makes the checkpoint at ``images`` a kept one if it is only a partial one. Collective."""
        partial, kept = self.path(images, partial=True), self.path(images)
        if distributed.rank() == 0 and partial.exists():
            move(partial, kept)
            self._tidy(images, kept)
        distributed.from_first(None)

    def _write(self, path: Path, state: TrainState, images: int) -> None:
        while True:
            try:
                return write(path, state.tensors(), images)
            except (OSError, SafetensorError) as error:
                if self._not_written is None:
                    raise
                self._not_written(error)

    def _tidy(self, images: int, newest: Path) -> None:
        for found, path in self.found():
            if path.name.endswith(_PARTIAL) and found <= images and path != newest:
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
    total = hashlib.sha256(f"{FORMAT} {images}".encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
