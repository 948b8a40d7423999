"""What every part of a network must keep: block, decoder, position, norm, pointwise network, gates' start."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dit_core.counting import OTHER
from dit_core.gflops import count
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.parts import BLOCKS

SMALL: dict[str, Any] = {
    "input_size": 8, "in_channels": 1, "patch_size": 2, "hidden_size": 48, "depth": 2, "num_heads": 4,
    "num_classes": 10,
}  # fmt: skip


def network_conforms(**model: Any) -> None:
    """Checks a small network that has the part.

    Checked are shapes, gradients, the initial state, determinism, that images of a batch do not see each other, that
    the network listens to image, timestep and label, mixed precision, and that its cost is counted.

    Args:
        **model: fields of ``ModelConfig``, e.g. ``block="gated"``; the others are those of a small network.

    Raises:
        AssertionError: the part breaks the contract; the message says in what.
    """
    config = ModelConfig.model_validate({**SMALL, **model})
    for check in (
        _starts_alike,
        _declares_tokens,
        _keeps_shapes,
        _is_a_function,
        _listens,
        _learns,
        _mixes,
        _is_counted,
    ):
        check(config)


def _network(config: ModelConfig, seed: int = 0) -> DiT:
    torch.manual_seed(seed)
    return DiT(config)


def _random(config: ModelConfig) -> DiT:
    """A network whose every trainable weight is random: closed gates and a zeroed decoder hide everything."""
    model = _network(config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model


def _inputs(config: ModelConfig, count: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    shape = (count, config.in_channels, config.input_size, config.input_size)
    return torch.randn(shape, generator=generator), torch.full((count,), 300), torch.arange(count)


def _starts_alike(config: ModelConfig) -> None:
    first, again = _network(config).state_dict(), _network(config).state_dict()
    for name, value in first.items():
        assert torch.equal(value, again[name]), f"{name}: two networks of one seed start differently"
        assert value.isfinite().all(), f"{name}: the initial state is not finite"


def _declares_tokens(config: ModelConfig) -> None:
    width = torch.zeros(1, config.hidden_size)
    extra = BLOCKS.get(config.block).extra_tokens(width, width)
    declared, found = BLOCKS.about(config.block).extra_tokens, 0 if extra is None else extra.shape[1]
    assert declared == found, f"the entry says extra_tokens={declared}, and the block appends {found}"


def _keeps_shapes(config: ModelConfig) -> None:
    x, t, y = _inputs(config)
    with torch.no_grad():
        found = tuple(_network(config).eval()(x, t, y).shape)
    wanted = (len(x), config.out_channels, config.input_size, config.input_size)
    assert found == wanted, f"the network puts out {found}, not {wanted}"


@torch.no_grad()
def _is_a_function(config: ModelConfig) -> None:
    model = _random(config)
    x, t, y = _inputs(config)
    together = model(x, t, y)
    assert torch.equal(together, model(x, t, y)), "asked twice, the network answers differently"
    alone = torch.cat([model(x[i : i + 1], t[i : i + 1], y[i : i + 1]) for i in range(len(x))])
    assert torch.allclose(together, alone, rtol=1e-3, atol=1e-4), "an image's output depends on the rest of its batch"


@torch.no_grad()
def _listens(config: ModelConfig) -> None:
    model = _random(config)
    x, t, y = _inputs(config)
    out = model(x, t, y)
    for what, other in (
        ("image", model(x + 0.1, t, y)),
        ("timestep", model(x, t + 100, y)),
        ("label", model(x, t, y + 5)),
    ):
        changed = (other - out).abs().flatten(1).amax(dim=1)
        assert (changed > 0).all(), f"the output does not depend on the {what}"


def _learns(config: ModelConfig) -> None:
    model = _random(config).train()
    model(*_inputs(config)).square().mean().backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"{name}: no gradient reaches it"
            assert parameter.grad.isfinite().all(), f"{name}: its gradient is not finite"
    unused = [name for name, module in model.named_modules() if isinstance(module, nn.Dropout) and module.p > 0]
    assert not unused, f"{unused[0]}: draws numbers of its own; take what is dropped from ``common``"


@torch.no_grad()
def _mixes(config: ModelConfig) -> None:
    model = _random(config)
    x, t, y = _inputs(config)
    full = model(x, t, y)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(x, t, y).float()
    assert mixed.isfinite().all(), "in bfloat16 the output is not finite"
    error = ((mixed - full).norm() / full.norm()).item()
    assert error < 0.1, f"in bfloat16 the output is {error:.0%} away from that in float32"


def _is_counted(config: ModelConfig) -> None:
    cost = count(config)
    assert cost.gmacs > 0 and cost.params == sum(parameter.numel() for parameter in _network(config).parameters())
    assert OTHER not in cost.parts, (
        f"multiply-adds outside every module with a ``cost_part``: {cost.parts[OTHER]:.3g} G"
    )
