"""Which of two values of a metric is the better one."""

from __future__ import annotations

from dit_core.parts import METRICS


def cost(metric: str, value: float) -> float:
    """Returns ``value`` with the sign that makes smaller better; sort by it."""
    return -value if METRICS.about(metric).direction == "max" else value


def better(metric: str) -> str:
    """Returns ``lower`` or ``higher``: what is better."""
    return "higher" if METRICS.about(metric).direction == "max" else "lower"


def best(metric: str) -> str:
    """Returns ``lowest`` or ``highest``: what is best."""
    return "highest" if METRICS.about(metric).direction == "max" else "lowest"
