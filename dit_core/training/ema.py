"""Moving averages of the weights, one of which is what gets evaluated."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from dit_core.training.averaging import decay_at, exponent

M = TypeVar("M", bound=nn.Module)


class EMA(Generic[M]):
    """Keeps float32 copies of a network whose weights follow the trained ones, each with its own decay.

    A decay of 0 follows them at once, so it needs no copy: it is always there, and is the trained network itself.

    Args:
        model: the network that trains; its current weights are the start.
        decays: distinct shares of the old average kept at each update, in [0, 1).
        warmup: let every decay rise with the steps, see ``averaging.decay_at``.
        lengths: distinct relative lengths of averages whose weight is a power of the step (Karras et al., EDM2, arXiv
            2312.02696, section 3.1): each one's deviation in steps, over the steps so far.

    Attributes:
        models: decay -> the network averaged with it, in evaluation mode, without gradients; without decay 0.
        by_length: length -> the network averaged over it, likewise.
    """

    def __init__(self, model: M, decays: Sequence[float], warmup: bool, lengths: Sequence[float] = ()) -> None:
        self.warmup = warmup
        self._model = model
        self.models: dict[float, M] = {decay: _frozen_copy(model) for decay in decays if decay > 0}
        trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        self._sources = _named(model, trained)
        self._averages = {decay: _named(average, trained) for decay, average in self.models.items()}
        self.by_length: dict[float, M] = {length: _frozen_copy(model) for length in lengths}
        self._over = {exponent(length): _named(average, trained) for length, average in self.by_length.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves every average towards the weights after training step ``step`` (0 is the first)."""
        for decay, averages in self._averages.items():
            torch._foreach_lerp_(averages, self._sources, 1 - decay_at(decay, step, self.warmup))
        for gamma, averages in self._over.items():
            torch._foreach_lerp_(averages, self._sources, 1 - (step / (step + 1)) ** (gamma + 1))

    def model(self, decay: float) -> M:
        """Returns the network averaged with ``decay``, in evaluation mode; for 0 a copy of the trained network."""
        return self.models[decay] if decay > 0 else _frozen_copy(self._model)


def _frozen_copy(model: M) -> M:
    return copy.deepcopy(model).eval().requires_grad_(False)


def _named(model: nn.Module, names: Sequence[str]) -> list[Tensor]:
    parameters = dict(model.named_parameters())
    return [parameters[name] for name in names]
