"""The gradients of one training step, of its batch as a whole or part by part."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn

from dit_core.config import TrialConfig
from dit_core.diffusion.process import Process
from dit_core.runtime import distributed, precision
from dit_core.training.batches import Batch, part_of
from dit_core.training.loss import alignment_loss, step_loss


def accumulate(
    config: TrialConfig, process: Process, network: nn.Module, step: int, batch: Batch, micro_batch: int
) -> Tensor:
    """Adds the gradients of a step to those of the network, averaged over ranks.

    The loss is a sum over images, each divided by the images of the step, so the parts of a batch add up to it but for
    the order of summation. Ranks exchange gradients once, with the last part.

    Args:
        config: the trial.
        process: its noise process.
        network: what trains.
        step: the training step.
        batch: this rank's share of it, as ``batches`` yields it.
        micro_batch: images that go through the network at once; 0 for all of them.

    Returns:
        Loss, squared error and variational term of this rank, (3,) float32 on the device, without gradients.
    """
    count = len(batch.x0)
    size = micro_batch or count
    total: Tensor | None = None
    for start in range(0, count, size):
        last = start + size >= count
        with nullcontext() if last else distributed.unsynchronised(network):
            part = part_of(config, step, batch, slice(start, start + size))
            losses = _losses(config, process, network, part, of=count)
            losses[0].backward()
        found = torch.stack(losses).detach()
        total = found if total is None else total + found
    assert total is not None
    return total


def _losses(
    config: TrialConfig, process: Process, network: nn.Module, part: Batch, of: int
) -> tuple[Tensor, Tensor, Tensor]:
    training, device = config.training, part.x0.device
    xt = process.q_sample(part.x0, part.t, part.noise)
    with precision.autocast(training, device):
        time = process.network_time(part.t)
        dropped = part.attention_dropout, part.mlp_dropout
        output = network(xt, time, part.y, part.kept, *dropped, part.features is not None)
    output, projected = output if part.features is not None else (output, None)
    loss, mse, vb = step_loss(process, part, xt, output.float(), config.model.patch_size, of=of)
    if projected is not None and part.features is not None:
        similar = alignment_loss(projected.float(), part.features, part.kept, of=of)
        loss = loss + training.alignment_weight * similar
    return loss, mse, vb
