"""AdamW (Loshchilov & Hutter, arXiv 1711.05101), the paper's optimiser."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from dit_core.training.config import TrainingConfig
from dit_core.training.optimizers.base import Member, Optimizers, trainable


def adamw(model: nn.Module, config: TrainingConfig) -> Optimizers:
    """Returns AdamW over every trainable parameter."""
    return Optimizers(adamw_over(trainable(model), config))


def adamw_over(parameters: Sequence[nn.Parameter], config: TrainingConfig) -> Member:
    """Returns AdamW over ``parameters``, of which there is at least one, fused where PyTorch can."""
    optimizer = torch.optim.AdamW(
        parameters,
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        fused=parameters[0].device.type in ("cpu", "cuda"),
    )
    return Member(optimizer, ("step", "exp_avg", "exp_avg_sq"))
