"""What was predicted beside what was spent, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from service.analysis import numbers
from service.cost.interval import Interval
from service.cost.prediction import Comparison
from service.cost.text import device_hours, hours


def comparison_text(found: Comparison | None, up: float | None) -> Iterator[str]:
    """Yields sentences.

    Args:
        found: the comparison; None where no prediction was recorded.
        up: seconds that workers were up in all runs; None where nobody knows.
    """
    if found is not None:
        predicted = found.predicted
        parts = (
            ("training", predicted.train, found.spent.train),
            ("sampling", predicted.sample, found.spent.sample),
            ("scoring", predicted.score, found.spent.score),
        )
        inside = predicted.total.low <= found.spent.total <= predicted.total.high
        yield (
            f"Predicted before the run for the work that was done: {device_hours(predicted.total)}. Spent on it: "
            f"{hours(found.spent.total)}, {_error(found.spent.total, predicted.total)} than predicted and "
            f"{'inside' if inside else 'outside'} the interval."
        )
        yield f"By part, spent against predicted: {'; '.join(_part(*part) for part in parts if part[1].middle > 0)}."
        yield (
            f"The predictions were {', '.join(found.sources)}, for {found.devices[0]}"
            + (f"; the work was done on {', '.join(found.devices[1:])}" if len(found.devices) > 1 else "")
            + f". All that was left, with no arm stopped, was thought to take {device_hours(found.ahead)}."
        )
    if up is not None:
        yield (
            f"Workers were up for {hours(up)} device-hours in all runs that ended by themselves, starting, waiting and "
            "writing included."
        )


def _part(name: str, predicted: Interval, spent: float) -> str:
    return f"{name} {hours(spent)} against {hours(predicted.middle)} ({_error(spent, predicted)})"


def _error(spent: float, predicted: Interval) -> str:
    share = spent / predicted.middle - 1.0
    return f"{numbers.percent(abs(share))} {'more' if share >= 0 else 'less'}"
