"""Optimisers against their closed forms, which parameters each moves, and the learning rate over images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from small_trials import curve, only, tiny
from torch import Tensor
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from dit_core.config import TrialConfig
from dit_core.errors import UserError, parse
from dit_core.events import Started
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.parts import BLOCKS, DECODERS, OPTIMIZERS
from dit_core.training.checkpoint import Checkpoints, checksum, read
from dit_core.training.config import TrainingConfig
from dit_core.training.loop import run
from dit_core.training.optimizers.base import Optimizers, trainable
from dit_core.training.optimizers.muon import block_matrices
from dit_core.training.schedule import learning_rate
from dit_core.training.state import TrainState

B = 32
SMALL = {"input_size": 8, "in_channels": 1, "hidden_size": 24, "depth": 2, "num_heads": 3, "num_classes": 10}


def weights(directory: Path, steps: int) -> str:
    return checksum(read(Checkpoints(directory / "checkpoints").path(steps * B), steps * B), steps * B)


def losses(directory: Path, steps: int, **training: object) -> list[float]:
    config = tiny(training={"log_every_steps": 1, **training})
    return [point.loss for point in curve(run(config, directory, until=steps * B, evaluate=False))]


@pytest.mark.parametrize("name", OPTIMIZERS.names())
@pytest.mark.parametrize("block", BLOCKS.names())
@pytest.mark.parametrize("decoder", DECODERS.names())
def test_every_trainable_parameter_has_one_mover(name: str, block: str, decoder: str) -> None:
    model = DiT(ModelConfig(**SMALL, block=block, decoder=decoder))
    optimizer = OPTIMIZERS.get(name)(model, TrainingConfig(optimizer=name))
    moved = [id(parameter) for member in optimizer.members for parameter in member.parameters]
    assert sorted(moved) == sorted(id(parameter) for parameter in trainable(model))


@pytest.mark.parametrize("block", BLOCKS.names())
def test_muon_moves_the_matrices_of_the_blocks_and_nothing_else(block: str) -> None:
    model = DiT(ModelConfig(**SMALL, block=block))
    chosen = {id(parameter) for parameter in block_matrices(model)}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in chosen}
    assert names == {
        name
        for name, parameter in model.named_parameters()
        if name.startswith("blocks.") and name.endswith(".weight") and parameter.ndim == 2
    }
    for part in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"):
        assert {f"blocks.0.{part}.weight", f"blocks.1.{part}.weight"} <= names


def test_muons_update_is_as_large_as_adamws_and_orthogonal() -> None:
    """An update has singular values of about ``0.2 sqrt(max(rows, columns))`` learning rates (Liu et al., eq. 4)."""
    torch.manual_seed(0)
    model = DiT(ModelConfig(**SMALL))
    rate = 1e-3
    optimizer = OPTIMIZERS.get("muon")(model, TrainingConfig(optimizer="muon", learning_rate=rate))
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in trainable(model):
        parameter.grad = torch.randn(parameter.shape)
        if parameter.ndim == 2:  # five Newton-Schulz steps leave very small singular values small
            left, values, right = torch.linalg.svd(parameter.grad, full_matrices=False)
            parameter.grad = left @ torch.diag(torch.linspace(0.3, 1, len(values))) @ right
    optimizer.step()
    for name, parameter in model.named_parameters():
        if name.startswith("blocks.") and name.endswith(".weight"):
            values = torch.linalg.svdvals(before[name] - parameter.detach()) / (
                0.2 * max(parameter.shape) ** 0.5 * rate
            )
            assert values.min().item() > 0.6 and values.max().item() < 1.3, name
        elif parameter.requires_grad:  # AdamW's first step is the sign of the gradient
            moved = (parameter.detach() - before[name]) / -rate
            assert torch.allclose(moved, parameter.grad.sign(), atol=1e-2), name


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9)])
def test_adamw_follows_its_recurrence(betas: tuple[float, float]) -> None:
    """Loshchilov & Hutter, algorithm 2, in float64 beside the real thing."""
    config = tiny(training={"learning_rate": 1e-2, "beta1": betas[0], "beta2": betas[1], "weight_decay": 0.1})
    state = TrainState.fresh(config, torch.device("cpu"))
    layer = state.model.decoder.linear
    expected = layer.weight.detach().double()
    mean = square = torch.zeros_like(expected)
    generator = torch.Generator().manual_seed(0)
    for step in range(1, 6):
        for parameter in trainable(state.model):
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        gradient = layer.weight.grad.double()
        state.optimizer.step()
        mean = betas[0] * mean + (1 - betas[0]) * gradient
        square = betas[1] * square + (1 - betas[1]) * gradient**2
        update = mean / (1 - betas[0] ** step) / ((square / (1 - betas[1] ** step)).sqrt() + 1e-8)
        expected = expected * (1 - 1e-2 * 0.1) - 1e-2 * update
        assert torch.allclose(layer.weight.detach().double(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("training", [{"optimizer": "muon"}, {"warmup_images": 9 * B, "ema_decays": (0.9, 0.5)}])
@pytest.mark.parametrize("cut", [1, 5])
def test_a_trial_cut_anywhere_continues_bit_identically(tmp_path: Path, training: dict[str, object], cut: int) -> None:
    straight = losses(tmp_path / "straight", 12, **training)
    first = losses(tmp_path / "cut", cut, **training)
    events = list(
        run(tiny(training={"log_every_steps": 1, **training}), tmp_path / "cut", until=12 * B, evaluate=False)
    )
    assert only(Started, events) == [Started(cut * B)]
    assert first + [point.loss for point in curve(events)] == straight
    assert weights(tmp_path / "cut", 12) == weights(tmp_path / "straight", 12)


@pytest.mark.slow
def test_the_optimizers_differ_and_both_learn(tmp_path: Path) -> None:
    found = {name: losses(tmp_path / name, 60, optimizer=name, learning_rate=3e-3) for name in OPTIMIZERS.names()}
    assert found["adamw"][:2] == found["muon"][:2]  # the blocks get no gradient before the zeroed decoder has moved
    assert found["adamw"][3:] != found["muon"][3:]
    for values in found.values():
        assert sum(values[-5:]) < 0.9 * sum(values[:5])


def test_the_learning_rate_rises_in_images_and_is_then_constant() -> None:
    config = TrainingConfig(learning_rate=2e-3, warmup_images=1000)
    assert [learning_rate(config, images) for images in (0, 250, 500, 1000, 1001, 10**9)] == [
        0.0, 5e-4, 1e-3, 2e-3, 2e-3, 2e-3
    ]  # fmt: skip
    assert learning_rate(TrainingConfig(learning_rate=2e-3), 1) == 2e-3


@pytest.mark.parametrize("warmup", [0, 10])
@pytest.mark.parametrize(
    ("name", "theirs"), [("linear", get_linear_schedule_with_warmup), ("cosine", get_cosine_schedule_with_warmup)]
)
def test_a_falling_rate_is_that_of_transformers(name: str, theirs: Any, warmup: int) -> None:
    """At every step after the warm-up, which here reaches its end one step earlier: no step has a rate of zero."""
    steps = 50
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2e-3)
    scheduler = theirs(optimizer, warmup, steps)
    config = TrainingConfig(
        learning_rate=2e-3, learning_rate_schedule=name, batch_size=B, warmup_images=warmup * B, decay_images=steps * B
    )
    parse(TrialConfig, {"training": config.model_dump()})
    for step in range(steps):
        (expected,) = scheduler.get_last_lr()
        found = learning_rate(config, (step + 1) * B)
        assert found == pytest.approx(2e-3 * (step + 1) / warmup if step < warmup else expected, abs=1e-12)
        assert found > 0
        optimizer.step()
        scheduler.step()
    assert learning_rate(config, (steps + 1) * B) == learning_rate(config, 9 * steps * B) == 0


@pytest.mark.parametrize(
    ("training", "sentence"),
    [
        (
            {"decay_images": 640},
            "training.decay_images: 640 given, but a constant learning rate never falls; allowed: 0",
        ),
        (
            {"learning_rate_schedule": "cosine", "warmup_images": 640, "decay_images": 640},
            "training.decay_images: 640 given, but the learning rate is to fall (cosine) until then from the end of "
            "its warm-up at 640; allowed: more than that, usually the budget_images of the study",
        ),
    ],
)
def test_a_schedule_that_ends_nowhere_is_refused(training: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        parse(TrialConfig, {"training": training})
    assert str(error.value) == sentence


@pytest.mark.parametrize("optimizer", OPTIMIZERS.names())
def test_the_loop_steps_with_the_rate_of_its_images(tmp_path: Path, optimizer: str) -> None:
    """AdamW's first update is one learning rate per weight: in the first of ten warm-up steps, a tenth of it."""

    def first_update(directory: Path, **training: object) -> torch.Tensor:
        config = tiny(training={"learning_rate": 1e-2, "optimizer": optimizer, **training})
        list(run(config, directory, until=B, evaluate=False))
        return read(Checkpoints(directory / "checkpoints").path(B), B)["model.decoder.linear.weight"]

    full, tenth = first_update(tmp_path / "full"), first_update(tmp_path / "tenth", warmup_images=10 * B)
    assert full.abs().median().item() == pytest.approx(1e-2, rel=1e-3)
    assert torch.allclose(tenth, full / 10, rtol=1e-5, atol=1e-9)


def test_no_warm_up_and_one_that_is_over_are_the_same(tmp_path: Path) -> None:
    assert losses(tmp_path / "none", 6) == losses(tmp_path / "over", 6, warmup_images=B)
    assert losses(tmp_path / "none", 6) != losses(tmp_path / "slow", 6, warmup_images=6 * B)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.names())
def test_a_gradient_is_scaled_down_to_the_norm_that_clips_it(
    tmp_path: Path, optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    step = Optimizers.step

    def watched(self: Optimizers) -> None:
        gradients = [p.grad for member in self.members for p in member.parameters if p.grad is not None]
        seen.append(torch.cat([gradient.flatten() for gradient in gradients]))
        step(self)

    monkeypatch.setattr(Optimizers, "step", watched)
    losses(tmp_path / "free", 5, optimizer=optimizer)
    free = list(seen)
    seen.clear()
    limit = sum(gradient.norm().item() for gradient in free) / len(free)
    losses(tmp_path / "clipped", 5, optimizer=optimizer, gradient_clip=limit)
    assert torch.allclose(seen[0], free[0] * min(1, limit / free[0].norm().item()), rtol=1e-5)
    assert all(gradient.norm().item() <= limit * (1 + 1e-5) for gradient in seen)
    assert any(gradient.norm().item() == pytest.approx(limit, rel=1e-4) for gradient in seen)
    assert losses(tmp_path / "wide", 5, optimizer=optimizer, gradient_clip=1e6) == losses(
        tmp_path / "none", 5, optimizer=optimizer
    )
