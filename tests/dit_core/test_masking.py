"""Token masking: which tokens a step leaves out, what it then minimises, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from random_weights import random_dit
from small_trials import curve, only, tiny

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.diffusion.build import build_process
from dit_core.errors import UserError, parse
from dit_core.evaluation import evaluate
from dit_core.events import Started
from dit_core.gflops import count, training_gmacs
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.training.batches import Batch, draw
from dit_core.training.checkpoint import Checkpoints, checksum, read
from dit_core.training.loop import run
from dit_core.training.loss import RECONSTRUCTION_WEIGHT, step_loss
from dit_core.training.masking import kept_tokens, pick

CPU = torch.device("cpu")
B = 32


def masked(ratio: float = 0.5, seed: int = 0, **sections: dict[str, Any]) -> TrialConfig:
    """Returns a tiny trial of 16 tokens that leaves some of them out."""
    model = {"patch_size": 2, "mask_token": ratio > 0, **sections.pop("model", {})}
    training = {"mask_ratio": ratio, "log_every_steps": 1, **sections.pop("training", {})}
    return tiny(seed, model=model, training=training, **sections)


def batch_of(config: TrialConfig, step: int = 0) -> Batch:
    return draw(config, load_dataset(config.data), step, CPU)


def test_every_image_keeps_a_random_part_of_its_tokens() -> None:
    batch = batch_of(masked(0.75))
    assert batch.kept is not None and batch.masked is not None
    assert batch.kept.shape == (B, 4) and batch.masked.shape == (B, 12)
    together = torch.cat([batch.kept, batch.masked], 1).sort().values
    assert torch.equal(together, torch.arange(16).expand(B, -1))
    assert torch.equal(batch.kept, batch.kept.sort().values)
    assert len({tuple(row.tolist()) for row in batch.kept}) > B // 2
    counts = torch.stack([torch.bincount(batch_of(masked(0.75), step).kept.flatten(), minlength=16)
                          for step in range(40)]).sum(0)  # fmt: skip
    expected = 40 * B / 4  # binomial: five standard deviations
    assert (counts - expected).abs().max().item() < 5 * (expected * 0.75) ** 0.5


def test_the_choice_is_a_function_of_seed_and_step() -> None:
    assert torch.equal(batch_of(masked(), 3).kept, batch_of(masked(training={"learning_rate": 1.0}), 3).kept)
    assert not torch.equal(batch_of(masked(), 3).kept, batch_of(masked(), 4).kept)
    assert not torch.equal(batch_of(masked(), 3).kept, batch_of(masked(seed=1), 3).kept)
    without = batch_of(masked(0.0), 3)
    assert without.kept is None and without.masked is None
    assert all(torch.equal(left, right) for left, right in zip(without[:4], batch_of(masked(), 3)[:4], strict=True))


def test_picking_patches_by_hand() -> None:
    x = torch.randn(2, 3, 6, 4)
    index = torch.tensor([[0, 5], [2, 3]])
    found = pick(x, index, 2)
    assert found.shape == (2, 3, 4, 2)
    for image in range(2):
        for place, token in enumerate(index[image].tolist()):
            top, left = token // 2 * 2, token % 2 * 2
            patch = x[image, :, top : top + 2, left : left + 2]
            assert torch.equal(found[image, :, 2 * place : 2 * place + 2], patch)


@pytest.mark.parametrize("objective", ["noise", "v", "flow"])
def test_the_loss_by_hand(objective: str) -> None:
    config = masked(0.75, model={"learn_sigma": False},
                    diffusion={"objective": objective, "loss_weighting": "min-snr"})  # fmt: skip
    process, batch = build_process(config.diffusion), batch_of(config)
    xt = process.q_sample(batch.x0, batch.t, batch.noise)
    output = torch.randn(xt.shape, generator=torch.Generator().manual_seed(0))
    loss, mse, vb = step_loss(process, batch, xt, output, 2, B)
    target, denoising, weighted, reconstruction = process.target(batch.x0, batch.t, batch.noise), [], [], []
    for image in range(B):
        squares = {True: [], False: []}
        for token in range(16):
            rows, columns = slice(token // 4 * 2, token // 4 * 2 + 2), slice(token % 4 * 2, token % 4 * 2 + 2)
            kept = token in batch.kept[image].tolist()
            goal = target if kept else xt
            squares[kept].append((output - goal)[image, 0, rows, columns].square().mean().item())
        denoising.append(sum(squares[True]) / 4)
        reconstruction.append(sum(squares[False]) / 12)
    weighted = process.weighted(torch.tensor(denoising), batch.t)
    assert mse.item() == pytest.approx(sum(denoising) / B, rel=1e-5)
    assert vb.item() == 0
    expected = weighted.mean().item() + RECONSTRUCTION_WEIGHT * sum(reconstruction) / B
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_the_variational_term_is_that_of_the_kept_patches() -> None:
    config = masked(0.5)
    process, batch = build_process(config.diffusion), batch_of(config)
    xt = process.q_sample(batch.x0, batch.t, batch.noise)
    output = torch.randn(B, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    before = step_loss(process, batch, xt, output, 2, B)
    there = torch.zeros(B, 1, 16).scatter_(2, batch.masked.unsqueeze(1), 1.0).reshape(B, 1, 4, 4)
    there = there.repeat_interleave(2, 2).repeat_interleave(2, 3)
    after = step_loss(process, batch, xt, output + 3 * there, 2, B)
    assert torch.equal(before[1], after[1]) and torch.equal(before[2], after[2])
    assert not torch.equal(before[0], after[0])
    assert before[2].item() > 0


def test_what_is_left_out_does_not_reach_what_is_kept() -> None:
    config = masked(0.5)
    model, batch = random_dit(config.model), batch_of(config)
    hidden = torch.zeros(B, 1, 16).scatter_(2, batch.masked.unsqueeze(1), 1.0).reshape(B, 1, 4, 4)
    hidden = hidden.repeat_interleave(2, 2).repeat_interleave(2, 3)
    with torch.no_grad():
        one = model(batch.x0, batch.t, batch.y, batch.kept)
        other = model(batch.x0 + 5 * hidden, batch.t, batch.y, batch.kept)
        seen = model(batch.x0 + 5 * hidden, batch.t, batch.y)
    torch.testing.assert_close(pick(one, batch.kept, 2), pick(other, batch.kept, 2))
    assert (pick(seen, batch.kept, 2) - pick(one, batch.kept, 2)).abs().max() > 1e-3


@pytest.mark.slow
def test_training_moves_the_mask_token_and_learns(tmp_path: Path) -> None:
    config = masked(training={"learning_rate": 3e-3})
    points = list(curve(run(config, tmp_path, until=120 * B, evaluate=False)))
    assert sum(p.mse for p in points[-10:]) < 0.7 * sum(p.mse for p in points[:10])
    tensors = read(Checkpoints(tmp_path / "checkpoints").path(120 * B), 120 * B)
    start = DiT(config.model)
    assert start.mask_token is not None
    assert (tensors["model.mask_token"] - tensors["ema.0.9999.mask_token"]).abs().max() > 0
    assert tensors["model.mask_token"].std() > 1.5 * start.mask_token.std()


def test_a_masked_trial_cut_anywhere_continues_bit_identically(tmp_path: Path) -> None:
    config = masked()
    straight = list(curve(run(config, tmp_path / "straight", until=8 * B, evaluate=False)))
    first = list(curve(run(config, tmp_path / "cut", until=3 * B, evaluate=False)))
    events = list(run(config, tmp_path / "cut", until=8 * B, evaluate=False))
    assert only(Started, events) == [Started(3 * B)]
    assert first + list(curve(events)) == straight
    ends = [Checkpoints(tmp_path / name / "checkpoints").path(8 * B) for name in ("cut", "straight")]
    assert len({checksum(read(path, 8 * B), 8 * B) for path in ends}) == 1


def test_evaluation_sees_every_token() -> None:
    config, plain = masked(), masked(0.0)
    model = random_dit(config.model)
    unmasked = DiT(plain.model)
    unmasked.load_state_dict({name: t for name, t in model.state_dict().items() if name != "mask_token"})
    dataset = load_dataset(config.data)
    found, expected = (evaluate(c, m, dataset, images=0) for c, m in ((config, model), (plain, unmasked)))
    assert (found.metrics, found.grid) == (expected.metrics, expected.grid)


def test_training_costs_what_the_kept_tokens_cost() -> None:
    """XL/2 with half the tokens: attention and MLP by their closed forms, everything else as it is."""
    config = ModelConfig(mask_token=True)
    full, half = count(config), count(config, 0.5)
    depth, width, tokens = 28, 1152, 128
    attention = depth * (4 * tokens * width**2 + 2 * tokens**2 * width) / 1e9
    mlp = depth * 8 * tokens * width**2 / 1e9
    rest = sum(full.parts[part] for part in ("patchify", "conditioning", "decoder"))
    assert half.trained_gmacs == pytest.approx(attention + mlp + rest, rel=1e-9)
    assert (half.gmacs, half.parts, half.params) == (full.gmacs, full.parts, full.params)
    assert full.trained_gmacs == full.gmacs == pytest.approx(118.6214, abs=1e-4)
    assert training_gmacs(half, 256) == pytest.approx(3 * 256 * half.trained_gmacs)
    assert 0.45 < half.trained_gmacs / full.trained_gmacs < 0.5


def test_how_many_tokens_are_kept() -> None:
    assert [kept_tokens(16, ratio) for ratio in (0.0, 0.25, 0.5, 0.75, 0.9)] == [16, 12, 8, 4, 2]


@pytest.mark.parametrize(
    ("training", "model", "message"),
    [
        ({"mask_ratio": 0.5}, {}, "training.mask_ratio: 0.5 needs model.mask_token: true"),
        ({}, {"mask_token": True}, "training.mask_ratio: 0 would never train model.mask_token; allowed: false"),
        (
            {"mask_ratio": 0.95},
            {"mask_token": True},
            "training.mask_ratio: 0.95 of 4 tokens leaves out 4; allowed: 0, or 0.25 to 0.75",
        ),
        (
            {"mask_ratio": 0.05},
            {"mask_token": True},
            "training.mask_ratio: 0.05 of 4 tokens leaves out 0; allowed: 0, or 0.25 to 0.75",
        ),
        (
            {"mask_ratio": 0.5},
            {"mask_token": True, "patch_size": 8},
            "training.mask_ratio: 0.5 of 1 tokens leaves out 1; allowed: 0",
        ),
        (
            {"mask_ratio": 0.5},
            {"mask_token": True, "decoder": "ddt"},
            "training.mask_ratio: 0.5 hides nothing from the decoder 'ddt', which looks at the noised image itself; "
            "allowed: 0, or one of the decoders linear, mlp, conv, conv-upsample",
        ),
    ],
)
def test_masking_that_makes_no_sense_is_refused(training: dict[str, Any], model: dict[str, Any], message: str) -> None:
    data = tiny().model_dump()
    data["training"] |= training
    data["model"] |= model
    with pytest.raises(UserError) as error:
        parse(TrialConfig, data)
    assert str(error.value) == message
