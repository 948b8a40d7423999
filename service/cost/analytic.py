"""Rates from multiply-adds and what a device can do: an estimate before anything was measured, and called so."""

from __future__ import annotations

from dit_core.config import TrialConfig
from service.cost.devices import EAGER_OPERATOR, OPERATORS_PER_LAYER, Device
from service.cost.interval import Interval
from service.cost.rates import ANALYTIC, Rates
from service.cost.work import work_of

_COMPILED = 4
"""``torch.compile`` leaves about a fourth of the operators."""


def analytic_rates(config: TrialConfig, device: Device, workers: int) -> Rates:
    """Returns how fast a lane of such devices would be.

    A step takes as long as its arithmetic at the device's utilisation, or, on a GPU, as launching its operators, if
    that is longer. Scoring is in full float32. Activation checkpointing runs the forward pass twice.

    Args:
        config: the trial.
        device: what one worker computes on.
        workers: workers of a lane; they share a batch, and the images of an evaluation.
    """
    work, peak = work_of(config), device.peak(config)
    compiled = _COMPILED if config.training.compile else 1
    forward = work.layers * OPERATORS_PER_LAYER / compiled if device.launches else 0.0
    again = 4 / 3 if config.training.activation_checkpointing else 1
    train = _seconds(again * work.train / workers, peak, device)
    launched = EAGER_OPERATOR * (3 * forward / config.training.batch_size)
    sample = _seconds(work.sample / workers, peak, device)
    sampled = EAGER_OPERATOR * (forward * work.batches * work.passes / workers)
    score = _seconds(work.score / workers, device.float32 * 1e12, device)
    return Rates(_longer(train, launched), _longer(sample, sampled), score, ANALYTIC)


def _seconds(gmacs: float, peak: float, device: Device) -> Interval:
    share, operations = device.utilisation, 2e9 * gmacs
    return Interval(*(operations / (peak * reached) for reached in (share.high, share.middle, share.low)))


def _longer(one: Interval, other: Interval) -> Interval:
    return Interval(max(one.low, other.low), max(one.middle, other.middle), max(one.high, other.high))
