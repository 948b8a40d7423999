"""How far back an exponential moving average of the weights reaches, in steps and in training images."""

from __future__ import annotations

import math

from dit_core.config import TrialConfig


def decay_at(decay: float, step: int, warmup: bool) -> float:
    """Returns the share of the old average that is kept after training step ``step`` (0 is the first).

    Args:
        decay: the share without warm-up, in [0, 1).
        step: optimiser steps before this one.
        warmup: use ``min(decay, (1 + n) / (10 + n))`` at update n = 0, 1, ... (as TensorFlow's
            ``ExponentialMovingAverage(num_updates=...)``), so that a short run does not average in the initial weights.
    """
    return min(decay, (1 + step) / (10 + step)) if warmup else decay


def mean_age(decay: float, steps: int, warmup: bool) -> float:
    """Returns how many steps old the weights in an average are in the mean, after ``steps`` updates.

    An update makes everything one step older and keeps a share d of it, so a' = d (a + 1), which ends at d / (1 - d).
    With warm-up it is exactly (n + 1) / 10 after update n, until the ramp reaches the decay.
    """
    ramp = min(steps, math.ceil((10 * decay - 1) / (1 - decay))) if warmup else 0
    ramp = max(0, ramp)  # updates whose decay is still that of the ramp
    limit = decay / (1 - decay)
    return limit + (ramp / 10 - limit) * decay ** (steps - ramp)


def averaging_horizon(config: TrialConfig, images: int) -> float:
    """Returns how many training images ago the averaged weights are from in the mean, at the end of a training.

    Decays are per step, and a step is a batch of images: the same decay reaches back further where the batch is larger.

    Args:
        config: the trial.
        images: training images seen.

    Returns:
        Images; 0 for the raw weights.
    """
    batch = config.training.batch_size
    if config.evaluation.ema_length is not None:  # step t weighs t^gamma, so its mean is a share of all steps
        return batch * (images // batch) / (exponent(config.evaluation.ema_length) + 2)
    return batch * mean_age(config.evaluated_decay, images // batch, config.training.ema_warmup)


def exponent(length: float) -> float:
    """Returns gamma, for which the average weighs step t with t^gamma, from its relative length (EDM2, algorithm 2).

    Args:
        length: ``sqrt(gamma + 1) / ((gamma + 2) sqrt(gamma + 3))``, above 0 and below ``LONGEST``.
    """
    low, high = 0.0, 1.0
    while _length(high) > length:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _length(middle) > length else (low, middle)
    return (low + high) / 2


def _length(gamma: float) -> float:
    return math.sqrt(gamma + 1) / ((gamma + 2) * math.sqrt(gamma + 3))
