"""The averages of the weights against their recurrence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_trials import tiny
from torch import nn

from dit_core.config import TrialConfig
from dit_core.interop.export import export
from dit_core.training.averaging import averaging_horizon, decay_at, exponent, mean_age
from dit_core.training.checkpoint import Checkpoints, read
from dit_core.training.ema import EMA
from dit_core.training.loop import run


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
    assert decay_at(0.9999, 0, True) == pytest.approx(0.1)
    assert decay_at(0.9999, 600, True) == pytest.approx(601 / 610)
    assert decay_at(0.9999, 10**6, True) == 0.9999
    assert decay_at(0.9999, 0, False) == 0.9999


@pytest.mark.parametrize("warmup", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.05, 0.5, 0.9, 0.99, 0.999])
def test_the_mean_age_is_that_of_the_updates_one_by_one(decay: float, warmup: bool) -> None:
    age = 0.0
    for step in range(400):
        assert mean_age(decay, step, warmup) == pytest.approx(age, abs=1e-9)
        age = decay_at(decay, step, warmup) * (age + 1)


def test_the_same_decay_reaches_back_over_more_images_where_the_batch_is_larger() -> None:
    def horizon(batch_size: int, images: int = 10**8, **training: object) -> float:
        settings = {"batch_size": batch_size, "ema_decays": (0.999,), **training}
        return averaging_horizon(TrialConfig.model_validate({"training": settings}), images)

    assert horizon(256) == pytest.approx(256 * 999) and horizon(512) == pytest.approx(2 * horizon(256))
    assert horizon(256, ema_decays=(0.0,)) == 0
    # a ramp of so many steps averages over the same share of the images, whatever the batch
    assert horizon(64, 25_600, ema_warmup=True) == pytest.approx(horizon(128, 25_600, ema_warmup=True)) == 2_560


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


@pytest.mark.parametrize(("length", "gamma"), [(0.05, 16.97), (0.10, 6.94)])
def test_the_exponents_are_those_that_the_paper_gives(length: float, gamma: float) -> None:
    """EDM2, section 3.1, and its algorithm 2: the largest real root of a cubic."""
    assert exponent(length) == pytest.approx(gamma, abs=0.005)
    inverse = length**-2
    assert exponent(length) == pytest.approx(np.roots([1, 7, 16 - inverse, 12 - inverse]).real.max(), rel=1e-9)


@pytest.mark.parametrize("length", [0.05, 0.15, 0.28])
def test_a_length_weighs_the_steps_by_a_power(length: float) -> None:
    """Step t of T weighs (t^(gamma + 1) - (t - 1)^(gamma + 1)) / T^(gamma + 1), and deviates by ``length`` T."""
    steps, gamma = 200, exponent(length)
    profile = np.diff(np.arange(steps + 1) ** (gamma + 1)) / steps ** (gamma + 1)
    found = recurrence(length, steps)
    np.testing.assert_allclose(found, profile, rtol=2e-4, atol=1e-7)
    mean = (profile * np.arange(1, steps + 1)).sum()
    assert np.sqrt((profile * (np.arange(1, steps + 1) - mean) ** 2).sum()) / steps == pytest.approx(length, rel=0.01)
    config = TrialConfig.model_validate({"evaluation": {"ema_length": length}, "training": {"ema_lengths": [length]}})
    images = steps * config.training.batch_size
    assert averaging_horizon(config, images) / images == pytest.approx(1 - mean / steps, abs=1 / steps)


def recurrence(length: float, steps: int) -> np.ndarray:
    """Returns what every step weighs in the average, by averaging unit vectors."""
    model = nn.Linear(steps, 1, bias=False)
    ema = EMA(model, (0.9,), True, (length,))
    for step in range(steps):
        with torch.no_grad():
            model.weight.copy_(nn.functional.one_hot(torch.tensor(step), steps))
        ema.update(step)
    return ema.by_length[length].weight[0].double().numpy()


def test_a_length_that_is_evaluated_is_what_is_exported(tmp_path: Path) -> None:
    config = tiny(training={"ema_lengths": (0.1,), "learning_rate": 1e-2}, evaluation={"ema_length": 0.1})
    list(run(config, tmp_path, until=96, evaluate=False))
    checkpoint = Checkpoints(tmp_path / "checkpoints").path(96)
    exported = export(config, checkpoint, 96, tmp_path / "weights.safetensors", layout="official")
    assert exported.weights == "EMA of length 0.1"
    found, tensors = load_file(exported.path), read(checkpoint, 96)
    name = "x_embedder.proj.weight"
    assert torch.equal(found[name], tensors[f"ema.length-0.1.{name}"])
    assert not torch.equal(found[name], tensors[f"ema.0.9999.{name}"])
    raw = export(config, checkpoint, 96, tmp_path / "raw.safetensors", layout="official", decay=0)
    assert raw.weights == "raw" and torch.equal(load_file(raw.path)[name], tensors[f"model.{name}"])
