"""An estimate with what it could be at least and at most."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An amount that is not known exactly.

    Sums add bound to bound: what makes one arm slower than foreseen (a busy machine, a lower utilisation) makes the
    others slower, too, so errors do not cancel out.

    Attributes:
        low: the least that is plausible.
        middle: the estimate.
        high: the most that is plausible.
    """

    low: float
    middle: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.middle <= self.high:
            raise ValueError(f"{self.low} <= {self.middle} <= {self.high} does not hold")

    @classmethod
    def exactly(cls, value: float) -> Interval:
        """Returns the interval of a value that is known."""
        return cls(value, value, value)

    @classmethod
    def of(cls, values: Iterable[float], least: float = 0.0) -> Interval:
        """Returns the interval that holds measured values, their median in the middle.

        Args:
            values: the values, at least one.
            least: share of the median by which the interval reaches to both sides at least.
        """
        found = sorted(values)
        half = len(found) // 2
        middle = found[half] if len(found) % 2 else (found[half - 1] + found[half]) / 2
        return cls(min(found[0], middle * (1 - least)), middle, max(found[-1], middle * (1 + least)))

    @classmethod
    def mean_of(cls, values: Sequence[float], least: float) -> Interval:
        """Returns the interval of what the average of many more such values will be.

        Two standard errors of the mean to both sides, or a share of it where that is more: what is slow now may be fast
        later, which no standard error knows.

        Args:
            values: values that were measured, at least one.
            least: the share.
        """
        middle = statistics.fmean(values)
        error = 2 * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
        reach = max(least * middle, error)
        return cls(max(0.0, middle - reach), middle, middle + reach)

    @classmethod
    def total(cls, parts: Iterable[Interval]) -> Interval:
        """Adds up; nothing adds up to zero."""
        low = middle = high = 0.0
        for part in parts:
            low, middle, high = low + part.low, middle + part.middle, high + part.high
        return cls(low, middle, high)

    def __add__(self, other: Interval) -> Interval:
        return Interval.total((self, other))

    def __mul__(self, factor: float) -> Interval:
        return Interval(self.low * factor, self.middle * factor, self.high * factor)

    def times(self, other: Interval) -> Interval:
        """Multiplies by another amount that is not known exactly; neither may be negative."""
        return Interval(self.low * other.low, self.middle * other.middle, self.high * other.high)
