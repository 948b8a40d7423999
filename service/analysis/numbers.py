"""Measured numbers as people read them: the same in the terminal, the report and MLflow.

A minus is a minus sign, thousands are set apart by commas, and what is no number says so. Names of arms are not made
here: those must not be rounded (``search_spaces.axes.base.number``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from service.analysis.statistics import Spread
from service.statistics.verdict import Verdict

MINUS = "−"
NOTHING = "–"
NOT_FINITE = "not finite"


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
        return _minus(f"{value:,.{self.decimals}f}") if math.isfinite(value) else NOT_FINITE

    def signed(self, value: float) -> str:
        """Formats a difference with its sign."""
        return _signed(self.value(value), value)

    def spread(self, spread: Spread) -> str:
        """Formats ``mean ± standard deviation``."""
        sd = "" if spread.sd is None else f" ± {self.value(spread.sd)}"
        return f"{self.value(spread.mean)}{sd}"

    def interval(self, verdict: Verdict) -> str:
        """Formats a simultaneous interval; empty where the uncertainty is not known."""
        if verdict.low is None or verdict.high is None:
            return ""
        return f"[{self.signed(verdict.low)}, {self.signed(verdict.high)}]"

    def difference(self, verdict: Verdict) -> str:
        """Formats a difference with its interval; a dash where it was not measured."""
        if verdict.difference is None:
            return NOTHING
        return f"{self.signed(verdict.difference)} {self.interval(verdict)}".rstrip()


def significant(value: float | None, digits: int = 4) -> str:
    """Formats a value that stands alone: ``0.0001``, ``118.6``, ``12,800``, ``2.5e-07``, a dash for None.

    Args:
        value: the value.
        digits: digits that are shown at most; those before the point are all shown, up to a billion.
    """
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return NOT_FINITE
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    if not 1e-4 <= abs(rounded) < 1e10:
        return _minus(f"{value:.{digits}g}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{value:,.{decimals}f}"
    return _minus(text.rstrip("0").rstrip(".") if decimals else text)


def signed(value: float | None, digits: int = 4) -> str:
    """Formats a difference that stands alone, with its sign."""
    return NOTHING if value is None else _signed(significant(value, digits), value)


def whole(value: int) -> str:
    """Formats a count that must be exact, such as images seen: ``102,400,000``."""
    return f"{value:,}"


def short(value: int) -> str:
    """Formats a count in four digits: ``675.1M`` parameters, ``12.8k`` images."""
    for limit, suffix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= limit * 0.99995:
            return f"{significant(value / limit)}{suffix}"
    return str(value)


def gflops(value: float) -> str:
    """Formats the paper's Gflops: two decimals as it prints them, four digits for less than one."""
    return f"{value:,.2f}" if value >= 0.99995 else significant(value)


def compute(gmacs: float) -> str:
    """Formats training compute given in 10^9 multiply-adds: ``36.4 EMACs``."""
    value, prefixes = gmacs, ["G", "T", "P", "E", "Z", "Y"]
    while float(f"{value:.2e}") >= 1000 and len(prefixes) > 1:
        value, prefixes = value / 1000, prefixes[1:]
    return f"{significant(value, 3)} {prefixes[0]}MACs"


def percent(share: float, decimals: int = 0) -> str:
    """Formats a share of one: ``38 %``."""
    return f"{100 * share:.{decimals}f} %"


def duration(seconds: float) -> str:
    """Formats seconds: ``2.5 s``, ``42 s``, ``3 min 20 s``, ``27 h 04 min``, ``1,230 h``."""
    if not math.isfinite(seconds):
        return NOT_FINITE
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours < 100 else f"{round(seconds / 3600):,} h"


def room(size: int) -> str:
    """How much room something takes on a disk, e.g. ``440 MB``."""
    for unit, of in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= of:
            return f"{size / of:.2g} {unit}" if size < 10 * of else f"{size / of:,.0f} {unit}"
    return f"{max(1, round(size / 1e3))} kB"


def plural(number: int, noun: str) -> str:
    """Formats ``1 seed``, ``2 seeds``, ``1,000 trials``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _signed(text: str, value: float) -> str:
    return f"+{text}" if value >= 0 and math.isfinite(value) else text


def _minus(text: str) -> str:
    return MINUS + text[1:] if text.startswith("-") else text
