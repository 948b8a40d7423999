"""What an arm is in a few words: its label, its final metric, its status."""

from __future__ import annotations

from service.analysis.numbers import NOTHING, MetricFormat
from service.analysis.summary import ArmSummary, Summary


def own_label(label: str) -> str:
    """The baseline's label in a table or a figure: its value, and that it is the baseline."""
    return label if label == "baseline" else f"{label} (baseline)"


def final(arm: ArmSummary, summary: Summary, shown: MetricFormat) -> str:
    """The final metric: mean ± standard deviation over the finished seeds.

    Where some seeds are missing it says how many there are, and that the mean is adjusted to the seeds of all arms.
    """
    if arm.final is None:
        return NOTHING
    seeds = len(summary.study.seeds)
    return shown.spread(arm.final) + ("" if arm.final.n == seeds else f" ({arm.final.n} of {seeds} seeds, adjusted)")


def status(arm: ArmSummary, shown: MetricFormat) -> str:
    """The arm's status in words; a stopped arm's value is that of its rung, and says so."""
    if arm.ended_early and arm.stop is not None and not arm.diverged:
        return f"stopped at {arm.stop.images:,}: {shown.value(arm.stop.value)}"
    if arm.stop is not None and arm.stop.audited:
        return f"{arm.status}; audited: stopped at {arm.stop.images:,}"
    return arm.status
