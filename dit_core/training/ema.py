"""The exponential moving average of the weights, which is what gets evaluated."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class EMA(Generic[M]):
    """Keeps ``model``, a float32 copy whose weights follow the trained ones.

    Args:
        model: the network that trains; its current weights are the start.
        decay: share of the old average kept at each update.
        warmup: use ``min(decay, (1 + n) / (10 + n))`` at update n = 0, 1, ... (as TensorFlow's
            ``ExponentialMovingAverage(num_updates=...)``), so that a short run does not average in the initial weights.

    Attributes:
        model: the averaged network, in evaluation mode, without gradients.
    """

    def __init__(self, model: M, decay: float, warmup: bool) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.warmup = warmup
        pairs = zip(self.model.parameters(), model.parameters(), strict=True)
        trained = [(average, source) for average, source in pairs if source.requires_grad]
        self._averages: list[Tensor] = [average for average, _ in trained]
        self._sources: list[Tensor] = [source for _, source in trained]

    def decay_at(self, step: int) -> float:
        """Returns the decay of the update after training step ``step`` (0 is the first)."""
        return min(self.decay, (1 + step) / (10 + step)) if self.warmup else self.decay

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves the average towards the weights after training step ``step`` (0 is the first)."""
        torch._foreach_lerp_(self._averages, self._sources, 1 - self.decay_at(step))
