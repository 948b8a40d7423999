"""What a network costs: multiply-adds of one forward pass, counted while the real network runs, by part.

The paper's "Gflops" (Peebles & Xie, arXiv 2212.09748, table 4) count one multiply-add as one, for one image, without
the VAE; so does everything here. The network is built and run on PyTorch's meta device, so nothing is allocated, and
every matrix product, convolution and attention is seen by PyTorch's own operator counter wherever it happens: a new
block or decoder needs no line here. It only says, by ``cost_part`` on its modules, where its work is booked; a module
with ``cost_whole`` has all work inside it booked there, that of modules which say otherwise included.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.training.masking import kept_tokens

PARTS = ("patchify", "attention", "mlp", "conditioning", "decoder")
OTHER = "other"
"""Work outside every module that declares a ``cost_part``; listed only when there is any."""


@dataclass(frozen=True)
class Cost:
    """The size and the cost of a network.

    Attributes:
        params: all parameters, the frozen position table included.
        trainable_params: parameters that receive gradients.
        parts: part -> billions of multiply-adds of one image's forward pass.
        gmacs: their sum, the paper's "Gflops".
        trained_gmacs: as ``gmacs``, for a forward pass in training, which leaves masked tokens out.
    """

    params: int
    trainable_params: int
    parts: dict[str, float]
    gmacs: float
    trained_gmacs: float


def count(config: ModelConfig, mask_ratio: float = 0.0) -> Cost:
    """Counts a network's parameters and multiply-adds; a config is counted once per process.

    Args:
        config: the network.
        mask_ratio: share of the tokens that training leaves out.
    """
    kept = kept_tokens(config.num_tokens, mask_ratio)
    params, trainable, macs = _count(config)
    trained = macs if kept == config.num_tokens else _count(config, kept)[2]
    parts = {part: amount / 1e9 for part, amount in macs}
    return Cost(params, trainable, parts, sum(amount for _, amount in macs) / 1e9, sum(a for _, a in trained) / 1e9)


def training_gmacs(cost: Cost, images: int) -> float:
    """Billions of multiply-adds to train on ``images``: a backward pass costs two forward passes (section 4)."""
    return cost.trained_gmacs * images * 3


@cache
def _count(config: ModelConfig, kept: int | None = None) -> tuple[int, int, tuple[tuple[str, int], ...]]:
    with torch.device("meta"):
        model = DiT(config)
        x_NCHW = torch.empty(1, config.in_channels, config.input_size, config.input_size)
        t_N = torch.empty(1)
        y_N = torch.empty(1, dtype=torch.long)
        keep_NS = None if kept is None else torch.empty(1, kept, dtype=torch.long)
        macs = macs_by_part(model, (x_NCHW, t_N, y_N, keep_NS))
    params = sum(parameter.numel() for parameter in model.parameters())
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return params, trainable, tuple(macs.items())


def macs_by_part(model: nn.Module, inputs: tuple[Tensor | None, ...]) -> dict[str, int]:
    """Runs a forward pass and books every multiply-add to the innermost running module with a ``cost_part``.

    Inside a module with ``cost_whole`` nothing is booked elsewhere.

    Args:
        model: the network, on the meta device (elsewhere attention may run as an operator that PyTorch does not count).
        inputs: its positional arguments.

    Returns:
        Part -> multiply-adds; the five usual parts always, any others when they have some.
    """
    counter = FlopCounterMode(display=False)
    booked: Counter[str] = Counter()
    running = [(OTHER, False)]
    seen = 0

    def book() -> None:
        nonlocal seen
        total = counter.get_total_flops() // 2  # PyTorch counts a multiply-add as two
        booked[running[-1][0]] += total - seen
        seen = total

    def enter(module: nn.Module, _: object) -> None:
        book()
        outer = running[-1]
        running.append(outer if outer[1] else (str(module.cost_part), bool(getattr(module, "cost_whole", False))))

    def leave(module: nn.Module, _: object, __: object) -> None:
        book()
        running.pop()

    handles = []
    for module in model.modules():
        if hasattr(module, "cost_part"):
            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(leave))
    try:
        with counter, torch.no_grad():
            model(*inputs)
            book()
    finally:
        for handle in handles:
            handle.remove()
    parts = dict.fromkeys(PARTS, 0)
    parts.update({part: amount for part, amount in booked.items() if amount})
    return parts
