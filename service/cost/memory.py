"""How much memory a worker takes at its peak, by what it has to keep."""

from __future__ import annotations

from dit_core.config import TrialConfig
from dit_core.gflops import count
from service.cost.interval import Interval

_FLOAT = 4
_MOMENTS = 2
_PER_VALUE = Interval(20, 34, 50)
"""Bytes in 16 bits that training keeps of every token, channel and block: 34 for a transformer block whose attention
keeps no scores (Korthikanti et al., arXiv 2205.05198, equation 1 without its last term); modulation adds some."""

PROCESS = Interval(0.4e9, 0.8e9, 1.1e9)
"""Bytes of a process with PyTorch before it has any network; on a GPU, of its context there."""


def peak_memory(config: TrialConfig, workers: int) -> Interval:
    """Returns about how many bytes one worker takes while it trains.

    Weights, gradients, two moments of the optimiser and every average in float32; activations of the worker's share
    of a batch, or of as many images as go through the network at once, in 16 bits per number under bfloat16, else 32;
    with activation checkpointing those of one block, and what goes into each. Sampling keeps none and takes less.

    Args:
        config: the trial.
        workers: workers of a lane.
    """
    cost, training = count(config.model, config.training.mask_ratio), config.training
    averages = sum(decay > 0 for decay in training.ema_decays) + len(training.ema_lengths)
    state = _FLOAT * (cost.params * (1 + averages) + cost.trainable_params * (1 + _MOMENTS))
    values = config.model.num_tokens * config.model.hidden_size * images_at_once(config, workers)
    wide = 1 if training.precision == "bfloat16" else 2
    blocks = 1 if training.activation_checkpointing else config.model.depth
    inputs = _FLOAT * values * config.model.depth if training.activation_checkpointing else 0
    return PROCESS + Interval.exactly(state + inputs) + _PER_VALUE * (values * blocks * wide)


def images_at_once(config: TrialConfig, workers: int) -> float:
    """Returns how many images a worker puts through the network at once."""
    share = config.training.batch_size / workers
    return min(share, config.training.micro_batch or share)
