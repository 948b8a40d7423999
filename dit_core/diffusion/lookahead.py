"""The noise of sampling steps, drawn while the network runs."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from dit_core.diffusion.samplers.base import StepNoise


class Lookahead:
    """A ``StepNoise`` whose next step is drawn by a background thread, pinned where a GPU is to read it.

    Noise is drawn on the CPU so that it is the same on every device; a GPU should not wait for it. The thread starts
    with the first step that asks for noise, and ends with the ``with`` block.

    Args:
        draw: draws the noise of a step on the CPU.
        device: where the noise is used.
    """

    def __init__(self, draw: StepNoise, device: torch.device) -> None:
        self._draw = draw
        self._pin = device.type == "cuda"
        self._pool: ThreadPoolExecutor | None = None
        self._next: tuple[int, Future[Tensor]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __call__(self, index: int) -> Tensor:
        """Returns the noise of step ``index`` and has that of ``index - 1`` drawn meanwhile."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="noise")
        waiting, self._next = self._next, None
        found = waiting[1].result() if waiting is not None and waiting[0] == index else self._make(index)
        if index > 1:
            self._next = index - 1, self._pool.submit(self._make, index - 1)
        return found

    def _make(self, index: int) -> Tensor:
        noise = self._draw(index)
        return noise.pin_memory() if self._pin else noise
