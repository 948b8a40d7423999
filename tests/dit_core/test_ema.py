"""The average of the weights against its recurrence."""

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
    ema = EMA(model, decay, warmup)
    expected = 0.0
    for step in range(20):
        value = float(step + 1)
        with torch.no_grad():
            model.weight.fill_(value)
            model.bias.fill_(-value)
        ema.update(step)
        share = min(decay, (1 + step) / (10 + step)) if warmup else decay
        expected = share * expected + (1 - share) * value
        assert ema.model.weight.flatten().tolist() == pytest.approx([expected] * 6, rel=1e-5)
        assert ema.model.bias.flatten().tolist() == pytest.approx([-expected] * 2, rel=1e-5)


def test_starts_at_the_weights_and_shares_nothing_with_them() -> None:
    model = layer(1.0)
    ema = EMA(model, 0.9, False)
    with torch.no_grad():
        model.weight.fill_(5.0)
    assert ema.model.weight.unique().tolist() == [1.0]
    assert not ema.model.training
    assert not any(parameter.requires_grad for parameter in ema.model.parameters())


def test_a_long_run_reaches_the_full_decay() -> None:
    ema = EMA(layer(0.0), 0.9999, True)
    assert ema.decay_at(0) == pytest.approx(0.1)
    assert ema.decay_at(600) == pytest.approx(601 / 610)
    assert ema.decay_at(10**6) == 0.9999


def test_frozen_weights_stay() -> None:
    model = layer(2.0)
    model.bias.requires_grad_(False)
    ema = EMA(model, 0.0, False)
    with torch.no_grad():
        model.weight.fill_(7.0)
        model.bias.fill_(7.0)
    ema.update(0)
    assert ema.model.weight.unique().tolist() == [7.0]
    assert ema.model.bias.unique().tolist() == [-2.0]
