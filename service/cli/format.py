"""Numbers as people read them."""

from __future__ import annotations

_PREFIXES = ("G", "T", "P", "E", "Z", "Y")


def count(value: int) -> str:
    """``675129632`` -> ``675.1M``; small numbers stay as they are."""
    for limit, suffix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= limit * 10 or (value >= limit and suffix != "k"):
            return f"{value / limit:.1f}{suffix}"
    return str(value)


def images(value: int) -> str:
    """Images seen, exactly: ``102,400,000``."""
    return f"{value:,}"


def gflops(value: float) -> str:
    """The paper's Gflops with the digits that matter: ``118.62``, ``1.41``, ``0.00097``."""
    if value >= 1:
        return f"{value:.2f}"
    return f"{value:.4f}" if value >= 0.01 else f"{value:.3g}"


def compute(gmacs: float) -> str:
    """Training compute in multiply-adds with a readable prefix: ``36.4 EMACs``."""
    value = gmacs
    for prefix in _PREFIXES[:-1]:
        if value < 1000:
            return f"{value:.3g} {prefix}MACs"
        value /= 1000
    return f"{value:.3g} {_PREFIXES[-1]}MACs"


def metric(value: float | None) -> str:
    """A distance: four significant digits, or a dash."""
    return "–" if value is None else f"{value:.4g}"


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 20 s``, ``1 h 04 min``, ``2 d 3 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def plural(number: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
