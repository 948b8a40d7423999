"""What a study may cost at most."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.study import Resources

HOUR = 3600.0


@dataclass(frozen=True)
class Limit:
    """A cap on a study's device time.

    Attributes:
        seconds: device seconds that all runs of the study together may take.
        text: the cap as the study says it, e.g. ``resources.max_device_hours: 12``.
    """

    seconds: float
    text: str

    @property
    def hours(self) -> float:
        """The cap in device-hours."""
        return self.seconds / HOUR


def limit_of(resources: Resources) -> Limit | None:
    """Returns the cap of a study, the lower one where it has two; None where it has none."""
    found: list[Limit] = []
    if resources.max_device_hours is not None:
        text = f"resources.max_device_hours: {resources.max_device_hours:g}"
        found.append(Limit(resources.max_device_hours * HOUR, text))
    if resources.max_cost is not None and resources.price_per_device_hour is not None:
        price, unit = resources.price_per_device_hour, resources.currency
        hours = resources.max_cost / price
        text = (
            f"resources.max_cost: {resources.max_cost:g} {unit} at {price:g} {unit} per device-hour "
            f"({hours:.3g} device-hours)"
        )
        found.append(Limit(hours * HOUR, text))
    return min(found, key=lambda limit: limit.seconds, default=None)
