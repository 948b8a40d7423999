"""Muon: momentum whose update is orthogonalised (Jordan et al., https://kellerjordan.github.io/posts/muon, 2024).

The update of a matrix is scaled by ``0.2 sqrt(max(rows, columns))`` so that it is as large as AdamW's (Liu et al.,
arXiv 2502.16982, section 2.2): one learning rate and one weight decay serve both.
"""

from __future__ import annotations

import torch
from torch import nn

from dit_core.model.blocks.base import Block
from dit_core.training.config import TrainingConfig
from dit_core.training.optimizers.adamw import adamw_over
from dit_core.training.optimizers.base import Member, Optimizers, trainable

MOMENTUM = 0.95
"""Both sources' Nesterov momentum. AdamW's betas concern only the parameters that AdamW moves."""


def muon(model: nn.Module, config: TrainingConfig) -> Optimizers:
    """Returns Muon over the weight matrices of the blocks' linear layers, and AdamW over everything else.

    AdamW moves the patch, timestep and label embedders, the decoder, biases, gains and learned tokens. A layer
    that computes several things at once (query, key and value; a block's modulation) is one matrix.
    """
    matrices = block_matrices(model)
    chosen = set(matrices)
    others = [parameter for parameter in trainable(model) if parameter not in chosen]
    optimizer = torch.optim.Muon(
        matrices,
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        momentum=MOMENTUM,
        nesterov=True,
        adjust_lr_fn="match_rms_adamw",
    )
    return Optimizers(Member(optimizer, ("momentum_buffer",)), adamw_over(others, config))


def block_matrices(model: nn.Module) -> list[nn.Parameter]:
    """Returns the trainable weights of every linear layer inside a transformer block, in the network's order."""
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    linears = [module for block in blocks for module in block.modules() if isinstance(module, nn.Linear)]
    weights = dict.fromkeys(linear.get_parameter("weight") for linear in linears)
    return [weight for weight in weights if weight.requires_grad]
