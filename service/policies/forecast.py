"""What a rung says of the end: where arms will finish, and how surely, learned from how their order has moved."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from service.policies.best_arm import Forecast

if TYPE_CHECKING:
    from service.statistics.model import Fit

FRACTION = 4.0
"""The assumed correlation is that of a rung at a quarter of the budget with the end."""
PRIOR_ARMS = 6.0
"""How many arms' worth of movement the assumed correlation counts for, against what was observed."""
SINGLE_SEED_NOISE = 0.2
"""Share of the variance between arms that is taken to be noise where one seed cannot tell."""
_NORMAL_MAD = 1.4826


@dataclass(frozen=True)
class Rung:
    """What was measured at one rung.

    Attributes:
        images: the rung.
        fit: the arms' effects there; every arm was measured.
    """

    images: int
    fit: Fit

    @property
    def effects(self) -> Mapping[str, float]:
        """Arm -> its effect."""
        return self.fit.effects

    @cached_property
    def noise(self) -> Mapping[str, float]:
        """Arm -> the variance of its effect: the noise of one measurement, pooled over all arms, over its seeds."""
        variance = self.fit.mean_square
        if variance is None:
            variance = SINGLE_SEED_NOISE * _raw_spread(list(self.effects.values()))
        return {arm: variance / count for arm, count in self.fit.counts.items()}


def forecast(rungs: Sequence[Rung], budget: int, correlation: float) -> dict[str, Forecast]:
    """Forecasts the end of every arm that was measured at the last of ``rungs``.

    True effects are taken as a stationary process in the logarithm of the images seen, on a scale that grows while
    trials train: the correlation of two points falls with the logarithm of their ratio (Ornstein and Uhlenbeck). Its
    spread is that between all arms at the first rung, estimated robustly and without the noise, times how far the arms
    have spread since. Its correlation is the assumed one, and from the second rung on the one that the arms' own
    movements between rungs show, the assumed one counting as ``PRIOR_ARMS`` arms. The forecast is the conditional mean
    and variance given what the last rung measured, on the scale of that rung.

    Args:
        rungs: the rungs so far, at least one, by images.
        budget: where trials end, in images.
        correlation: assumed between true effects at a quarter of the budget and at the end.
    """
    last = rungs[-1]
    spread, scales = _spread(rungs[0]), _scales(rungs)
    per_log = _decorrelation(rungs, scales, spread, -math.log(correlation) / math.log(FRACTION))
    spread *= scales[-1] ** 2
    ahead = math.exp(-per_log * math.log(budget / last.images))
    centre = statistics.median(last.effects.values())
    found = {}
    for arm, effect in last.effects.items():
        reliability = spread / (spread + last.noise[arm])
        mean = centre + ahead * reliability * (effect - centre)
        found[arm] = Forecast(mean, spread * (1 - ahead**2 * reliability))
    return found


def _spread(rung: Rung) -> float:
    """The variance between all arms' true effects."""
    return _spread_of(rung, list(rung.effects))


def _spread_of(rung: Rung, arms: Sequence[str]) -> float:
    """The variance between true effects; at least a quarter of their noise, so that it is never 0 for nothing."""
    noise = statistics.fmean(rung.noise[arm] for arm in arms)
    return max(_raw_spread([rung.effects[arm] for arm in arms]) - noise, noise / 4, 1e-12)


def _raw_spread(effects: Sequence[float]) -> float:
    """The variance between effects: of many arms from the median deviation, of few from the standard deviation.

    The former is not moved by a few arms that are hopeless; the latter means more where there are few.
    """
    if len(effects) < 2:
        return 0.0
    centre = statistics.median(effects)
    robust = (_NORMAL_MAD * statistics.median(abs(effect - centre) for effect in effects)) ** 2
    weight = (len(effects) - 1) / (len(effects) + 3)
    return weight * robust + (1 - weight) * statistics.variance(effects)


def _scales(rungs: Sequence[Rung]) -> list[float]:
    """How far apart arms are at each rung, as a multiple of the first: differences grow while trials train.

    Each is the ratio of the spreads of the arms that are still there, without the noise, drawn towards 1 as by
    ``PRIOR_ARMS`` arms that did not move.
    """
    found = []
    for rung in rungs:
        both = [arm for arm in rung.effects if arm in rungs[0].effects]
        first, now = (_spread_of(point, both) for point in (rungs[0], rung))
        weight = len(both) / (len(both) + PRIOR_ARMS)
        found.append(math.exp(weight * math.log(now / first) / 2))
    return found


def _decorrelation(rungs: Sequence[Rung], scales: Sequence[float], spread: float, assumed: float) -> float:
    """The rate at which true effects lose their correlation, per unit of log images."""
    moved, weight, steps = 0.0, 0.0, 0.0
    for (before, first), (after, second) in itertools.pairwise(zip(rungs, scales, strict=True)):
        both = [arm for arm in after.effects if arm in before.effects]
        if len(both) < 3:
            continue
        changes = [after.effects[arm] / second - before.effects[arm] / first for arm in both]
        noise = statistics.fmean((before.noise[arm] / first**2 + after.noise[arm] / second**2) / 2 for arm in both)
        arms = len(both) - 1
        moved += arms * max(statistics.variance(changes) - noise, 0.0)
        weight += arms
        steps += arms * math.log(after.images / before.images)
    if not weight:
        return assumed
    step = steps / weight
    prior = 2 * spread * (1 - math.exp(-assumed * step))
    variance = (PRIOR_ARMS * prior + moved) / (PRIOR_ARMS + weight)
    kept = min(max(1 - variance / (2 * spread), 0.05), 0.999)
    return -math.log(kept) / step
