"""Counts a network's parameters and multiply-adds: the real network runs on PyTorch's meta device.

What is counted, and how it is booked, is in ``dit_core.gflops``, which keeps what was counted.
"""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dit_core.kept_counts import Counted
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT

PARTS = ("patchify", "attention", "mlp", "conditioning", "decoder")
OTHER = "other"
"""Work outside every module that declares a ``cost_part``; listed only when there is any."""


def counted(config: ModelConfig, kept: int | None, training: bool) -> Counted:
    """Builds a network, runs it on one image and counts.

    Args:
        config: the network.
        kept: tokens that the blocks see; None for all of them.
        training: whether tokens are projected for alignment, where the network does that.
    """
    with torch.device("meta"):
        model = DiT(config)
        x_NCHW = torch.empty(1, config.in_channels, config.input_size, config.input_size)
        t_N = torch.empty(1)
        y_N = torch.empty(1, dtype=torch.long)
        keep_NS = None if kept is None else torch.empty(1, kept, dtype=torch.long)
        project = training and config.alignment_layer > 0
        macs = macs_by_part(model, (x_NCHW, t_N, y_N, keep_NS, None, None, project))
    params = sum(parameter.numel() for parameter in model.parameters())
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return Counted(params, trainable, macs)


def macs_by_part(model: nn.Module, inputs: tuple[Tensor | bool | None, ...]) -> dict[str, int]:
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
