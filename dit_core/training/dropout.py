"""Dropout (Srivastava et al., JMLR 15, 2014) in the blocks, as a function of the image and not of a generator's state.

Attention weights are dropped after the softmax, as ``dropout_p`` of PyTorch's attention does, and what the pointwise
network puts out before it is gated and added, as the last dropout of PyTorch's ``TransformerEncoderLayer``. Blocks that
a decoder has of its own drop nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.model.common import Dropped
from dit_core.parts import BLOCKS
from dit_core.runtime.noise import kept_at
from dit_core.training.masking import kept_tokens


def draw_dropout(config: TrialConfig, positions: Tensor) -> tuple[Dropped | None, Dropped | None]:
    """Returns what a training step drops of some images: a function of (seed, position, block).

    Args:
        config: the trial.
        positions: (n,) int64, the images' positions in the endless training sequence, on the device of the network.

    Returns:
        Of the attention weights, (L, n, H, S, S), and of the pointwise networks' outputs, (L, n, S, D), with L blocks,
        H heads, tokens S that run through the blocks, and token width D; None where nothing is dropped.
    """
    model, training = config.model, config.training
    tokens = kept_tokens(model.num_tokens, training.mask_ratio)
    tokens += BLOCKS.about(model.block).extra_tokens + model.registers

    def drawn(probability: float, stream: str, *shape: int) -> Dropped | None:
        if probability == 0:
            return None
        kept = [kept_at(positions, shape, probability, config.seed, stream, block) for block in range(model.depth)]
        return Dropped(torch.stack(kept), 1 / (1 - probability))

    return (
        drawn(training.attention_dropout, "attention-dropout", model.num_heads, tokens, tokens),
        drawn(training.mlp_dropout, "mlp-dropout", tokens, model.hidden_size),
    )
