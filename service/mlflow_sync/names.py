"""What the metrics, images and tables of a study are called in MLflow."""

from __future__ import annotations

GRIDS = "samples"
"""Key of a trial's grids of sample images; their step is the images seen."""
DEVICE_MINUTES = "device_minutes"
"""Metric: what a trial's training, sampling and scoring took."""
DIFFERENCE = "vs_baseline"
"""Metric: the primary metric's difference to the baseline's trial of the same seed, at the budget."""


def final(metric: str) -> str:
    """Returns the name of a metric's value at the budget, which only trials have that ran to it."""
    return f"{metric}_final"


def columns(metric: str) -> tuple[str, ...]:
    """Returns the metrics that the table of runs shows."""
    return (final(metric), DIFFERENCE, "gflops", "params_m", DEVICE_MINUTES)


def rounded(value: float, digits: int = 5) -> float:
    """Returns a value with few digits, for a table that prints all that there are."""
    return float(f"{value:.{digits}g}")
