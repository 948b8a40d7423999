"""Refuses a cap that is not enough to answer anything."""

from __future__ import annotations

from service.cost.estimate import Estimate
from service.cost.text import device_hours, hours


def cap_too_low(estimate: Estimate) -> str | None:
    """Says why a cap is too low: the baseline alone, without which nothing can be compared, needs more.

    Only what is certain is refused: the least that the baseline's estimate allows is above the cap.

    Returns:
        A sentence; None where the cap is high enough, may be, or is none.
    """
    limit, baseline = estimate.limit, estimate.baseline
    if limit is None or baseline is None or baseline.low <= limit.seconds:
        return None
    return (
        f"{limit.text} given, but the baseline alone, with all its seeds, needs {device_hours(baseline)}; allowed: at "
        f"least {hours(baseline.low)} device-hours"
    )
