"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from service.analysis.statistics import PairedDifference, Spread

MINUS = "−"


@dataclass(frozen=True)
class MetricFormat:
    """Formats one metric with the same number of decimals everywhere, so that columns compare.

    Attributes:
        decimals: digits after the point.
    """

    decimals: int

    @classmethod
    def for_values(cls, values: Iterable[float]) -> MetricFormat:
        """Chooses decimals that show four significant digits of the smallest value, within 0 to 4."""
        sizes = [abs(value) for value in values if math.isfinite(value) and value != 0]
        return cls(min(4, max(0, 3 - math.floor(math.log10(min(sizes))))) if sizes else 2)

    def value(self, value: float) -> str:
        """Formats a value."""
        if not math.isfinite(value):
            return "not finite"
        text = f"{value:,.{self.decimals}f}"
        return MINUS + text[1:] if text.startswith("-") else text

    def signed(self, value: float) -> str:
        """Formats a difference with its sign."""
        return self.value(value) if value < 0 or not math.isfinite(value) else f"+{self.value(value)}"

    def spread(self, spread: Spread) -> str:
        """Formats ``mean ± standard deviation``."""
        sd = "" if spread.sd is None else f" ± {self.value(spread.sd)}"
        return f"{self.value(spread.mean)}{sd}"

    def interval(self, difference: PairedDifference) -> str:
        """Formats a confidence interval; empty for a single seed."""
        if difference.low is None or difference.high is None:
            return ""
        return f"[{self.signed(difference.low)}, {self.signed(difference.high)}]"

    def difference(self, difference: PairedDifference) -> str:
        """Formats a difference with its interval."""
        return f"{self.signed(difference.mean)} {self.interval(difference)}".rstrip()


def gflops(value: float) -> str:
    """Formats Gflops: two decimals for paper-sized models, four significant digits for small ones."""
    return f"{value:,.2f}" if value >= 0.1 else f"{value:.4g}"


def params(value: int) -> str:
    """Formats a number of parameters."""
    if value >= 10_000_000:
        return f"{value / 1e6:,.0f} M"
    return f"{value / 1e6:.2f} M" if value >= 1_000_000 else f"{value / 1e3:,.0f} k"


def duration(seconds: float) -> str:
    """Formats seconds."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h"


def compute(gmacs: float) -> str:
    """Formats training compute given in 10^9 multiply-adds."""
    for unit, size in (("Z", 1e12), ("E", 1e9), ("P", 1e6), ("T", 1e3)):
        if gmacs >= size:
            return f"{gmacs / size:,.3g} {unit}MAC"
    return f"{gmacs:,.3g} GMAC"


def count(number: int, noun: str) -> str:
    """Formats ``1 seed``, ``2 seeds``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def listing(items: Iterable[str]) -> str:
    """Joins with commas and a final 'and'."""
    parts = list(items)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def sentence(text: str) -> str:
    """Makes a phrase a sentence: a capital first, a full stop last."""
    text = text.strip()
    return text if not text else f"{text[0].upper()}{text[1:]}" + ("" if text[-1] in ".!?" else ".")
