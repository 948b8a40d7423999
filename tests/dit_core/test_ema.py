"""The averages of the weights against their recurrence."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dit_core.training.ema import EMA


def layer(value: float) -> nn.Linear:
    linear = nn.Linear(3, 2)
    nn.init.constant_(linear.weight, value)
    nn.init.constant_(linear.bias, -value)
    return linear


@pytest.mark.parametrize(("decay", "warmup"), [(0.9, False), (0.9999, True), (0.5, True), (0.0, False)])
def test_update_follows_the_recurrence(decay: float, warmup: bool) -> None:
    model = layer(0.0)
    ema = EMA(model, (decay,), warmup)
    expected = 0.0
    for step in range(20):
        value = float(step + 1)
        with torch.no_grad():
            model.weight.fill_(value)
            model.bias.fill_(-value)
        ema.update(step)
        share = min(decay, (1 + step) / (10 + step)) if warmup else decay
        expected = share * expected + (1 - share) * value
        average = ema.model(decay)
        assert average.weight.flatten().tolist() == pytest.approx([expected] * 6, rel=1e-5)
        assert average.bias.flatten().tolist() == pytest.approx([-expected] * 2, rel=1e-5)


def test_starts_at_the_weights_and_shares_nothing_with_them() -> None:
    model = layer(1.0)
    ema = EMA(model, (0.9,), False)
    with torch.no_grad():
        model.weight.fill_(5.0)
    for decay, weight in ((0.9, 1.0), (0.0, 5.0)):
        average = ema.model(decay)
        assert average.weight.unique().tolist() == [weight]
        assert not average.training
        assert not any(parameter.requires_grad for parameter in average.parameters())
    assert model.training and all(parameter.requires_grad for parameter in model.parameters())


def test_a_long_run_reaches_the_full_decay() -> None:
    ema = EMA(layer(0.0), (0.9999,), True)
    assert ema.decay_at(0.9999, 0) == pytest.approx(0.1)
    assert ema.decay_at(0.9999, 600) == pytest.approx(601 / 610)
    assert ema.decay_at(0.9999, 10**6) == 0.9999


def test_frozen_weights_stay() -> None:
    model = layer(2.0)
    model.bias.requires_grad_(False)
    ema = EMA(model, (0.5,), False)
    with torch.no_grad():
        model.weight.fill_(7.0)
        model.bias.fill_(7.0)
    ema.update(0)
    assert ema.model(0.5).weight.unique().tolist() == [4.5]
    assert ema.model(0.5).bias.unique().tolist() == [-2.0]


@pytest.mark.parametrize("warmup", [False, True])
def test_averages_kept_together_are_those_kept_alone_to_the_last_bit(warmup: bool) -> None:
    decays = (0.999, 0.5, 0.0, 0.99)
    generator = torch.Generator().manual_seed(0)
    model = layer(1.0)
    together, alone = EMA(model, decays, warmup), {decay: EMA(model, (decay,), warmup) for decay in decays}
    for step in range(12):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        for ema in (together, *alone.values()):
            ema.update(step)
    found = [together.model(decay).weight for decay in decays]
    for decay, weight in zip(decays, found, strict=True):
        assert torch.equal(weight, alone[decay].model(decay).weight)
    assert torch.equal(found[2], model.weight)
    # within twelve steps of warm-up, 0.99 and 0.999 have not parted yet
    assert len({tuple(weight.flatten().tolist()) for weight in found}) == (3 if warmup else 4)
    assert set(together.models) == {0.999, 0.5, 0.99}  # the raw weights need no copy
