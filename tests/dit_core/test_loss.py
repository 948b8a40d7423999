"""The loss of a step is a sum over its images: parts of a batch add up to the whole."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from random_weights import random_dit
from small_trials import tiny
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.diffusion.build import build_process
from dit_core.training.batches import Batch, draw
from dit_core.training.loss import step_loss

B = 32
CASES: dict[str, dict[str, Any]] = {
    "noise": {},
    "fixed variance": {"model": {"learn_sigma": False}},
    "min-snr": {"diffusion": {"objective": "v", "loss_weighting": "min-snr"}},
    "flow": {"model": {"learn_sigma": False}, "diffusion": {"objective": "flow"}},
    "masked": {"model": {"patch_size": 2, "mask_token": True}, "training": {"mask_ratio": 0.5}},
}


def batch_of(config: TrialConfig) -> Batch:
    batch = draw(config, load_dataset(config.data), 0, torch.device("cpu"))
    if config.diffusion.objective == "flow":
        return batch
    t = batch.t.clone()
    t[::5] = 0  # the step whose variational term is a likelihood
    return batch._replace(t=t)


def part(batch: Batch, rows: slice) -> Batch:
    return Batch._make(None if tensor is None else tensor[rows] for tensor in batch)


def terms(config: TrialConfig, batch: Batch, sizes: list[int]) -> tuple[Tensor, list[Tensor]]:
    """Returns loss, squared error and variational term, and the gradients, summed over parts of ``batch``."""
    model, process = random_dit(config.model).train(), build_process(config.diffusion)
    total, start = torch.zeros(3), 0
    for size in sizes:
        some, start = part(batch, slice(start, start + size)), start + size
        xt = process.q_sample(some.x0, some.t, some.noise)
        output = model(xt, process.network_time(some.t), some.y, some.kept)
        found = step_loss(process, some, xt, output, config.model.patch_size, of=B)
        found[0].backward()
        total += torch.stack(found).detach()
    assert start == B
    return total, [p.grad for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("case", CASES)
def test_micro_batches_add_up_to_the_batch(case: str) -> None:
    config = tiny(**CASES[case])
    batch = batch_of(config)
    whole, gradients = terms(config, batch, [B])
    assert whole[0] > 0.1 and (whole[2] > 0) == config.model.learn_sigma
    assert (batch.kept is not None) == (case == "masked")
    for sizes in ([8] * 4, [1] * B, [20, 12]):
        found, parts = terms(config, batch, sizes)
        torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-6)
        assert len(parts) == len(gradients) > 10
        for left, right in zip(parts, gradients, strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5 * right.abs().max().item())


def test_the_loss_is_the_mean_of_what_each_image_alone_would_lose() -> None:
    config = tiny()
    batch = batch_of(config)
    whole, _ = terms(config, batch, [B])
    model, process = random_dit(config.model).train(), build_process(config.diffusion)
    alone = []
    for row in range(B):
        one = part(batch, slice(row, row + 1))
        xt = process.q_sample(one.x0, one.t, one.noise)
        alone.append(torch.stack(step_loss(process, one, xt, model(xt, one.t, one.y), 4, of=1)).detach())
    torch.testing.assert_close(torch.stack(alone).mean(0), whole, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(whole[0], whole[1] + whole[2])
