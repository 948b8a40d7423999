"""When checkpoints are written: at once, or, inside a segment on a GPU, while training goes on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch

from dit_core.events import Checkpointed
from dit_core.runtime import distributed
from dit_core.training.checkpoint import Checkpoints
from dit_core.training.state import TrainState


class Saves:
    """Writes a trial's checkpoints, one at a time. All ranks call it alike.

    In the background, the state is copied to the host first, and a thread writes, verifies and publishes the copy. What
    was begun is finished before anything else is: at any moment one checkpoint at most is under way, and a process that
    is killed meanwhile leaves the one before, as it does when it is killed while it writes at once.

    Args:
        checkpoints: the trial's.
        background: whether those that need not be there yet are written in the background.
    """

    def __init__(self, checkpoints: Checkpoints, background: bool) -> None:
        self._checkpoints, self._background = checkpoints, background
        self._pool: ThreadPoolExecutor | None = None
        self._begun: int | None = None
        self._written: Future[Path] | Path | None = None

    def begin(self, state: TrainState, images: int, *, partial: bool, wait: bool) -> None:
        """Begins a checkpoint; the one before is finished.

        Args:
            state: the trial's state, which may change as soon as this returns.
            images: training images seen.
            partial: whether it lies inside a segment.
            wait: whether it has to be there before anything else happens.
        """
        assert self._begun is None
        self._begun = images
        if distributed.rank() > 0:
            return
        if wait or not self._background:
            self._written = self._checkpoints.write(state.tensors(), images, partial=partial)
            return
        copied = {name: tensor.detach().to("cpu", copy=True) for name, tensor in state.tensors().items()}
        self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._written = self._pool.submit(self._checkpoints.write, copied, images, partial=partial)

    def finished(self, *, wait: bool) -> Iterator[Checkpointed]:
        """Yields the checkpoint that was begun, if any was.

        Args:
            wait: wait for one that is written in the background; else it is yielded later.

        Raises:
            Exception: it could not be written, on rank 0.
        """
        if self._begun is None or (self._background and not wait):
            return
        images, self._begun = self._begun, None
        written, self._written = self._written, None
        path = distributed.from_first(written.result() if isinstance(written, Future) else written)
        assert path is not None
        yield Checkpointed(images, path)

    def close(self) -> None:
        """Lets what was begun come to its end, whatever that is."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)


def in_background(device: torch.device) -> bool:
    """Whether a device trains on while its host writes: on the CPU both would take the same cores."""
    return device.type == "cuda"
