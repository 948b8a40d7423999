"""An estimate in sentences: the same in the terminal, in the store's preview and in the report."""

from __future__ import annotations

from collections.abc import Iterator

from search_spaces.study import Resources
from service.analysis import numbers
from service.cost.estimate import Estimate
from service.cost.interval import Interval
from service.cost.rates import ANALYTIC, PROFILED, RECORDED, SCALED

HOUR = 3600.0

_BASIS = {
    RECORDED: "recorded in the store on such hardware",
    PROFILED: "measured by a few steps on such hardware",
    SCALED: "scaled by Gflops from what was measured of other arms",
    ANALYTIC: "an analytic estimate from Gflops, peak throughput and a usual utilisation: nothing was measured "
    "(`dit-ablate plan --measure` does)",
}


def estimate_text(estimate: Estimate, resources: Resources, *, done: bool = False) -> Iterator[str]:
    """Yields what a study will take, a sentence each.

    Args:
        estimate: the estimate.
        resources: the study's.
        done: whether nothing is left to run.
    """
    if done:
        return
    ahead = estimate.ahead
    policy = estimate.least is not None
    most = " if no arm is stopped" if policy else ""
    device = f"{'an assumed ' if estimate.assumed else ''}{estimate.device}"
    yield (
        f"Device time on {device}: {device_hours(ahead.total)}{most}; training {hours(ahead.train.middle)}, "
        f"sampling {hours(ahead.sample.middle)}, scoring {hours(ahead.score.middle)} "
        f"(sampling and scoring are {numbers.percent(ahead.evaluation_share)})."
    )
    yield f"Basis: {'; '.join(_basis(estimate))}. The start of lanes, checkpoints and records come on top."
    if estimate.expected is not None:
        yield (
            f"The policy is expected to leave {device_hours(estimate.expected)} of it, by replaying the study on "
            "generated curves (`dit-ablate simulate`)."
        )
    if estimate.least is not None:
        yield (
            f"The policy may leave as little as {hours(estimate.least.middle)} of these device-hours, if it stops "
            "every arm but the baseline at the first look."
        )
    if resources.price_per_device_hour is not None:
        low, middle, high = (
            resources.price_per_device_hour * seconds / HOUR
            for seconds in (ahead.total.low, ahead.total.middle, ahead.total.high)
        )
        unit, price = resources.currency, resources.price_per_device_hour
        yield f"Price: {middle:,.2f} {unit} ({low:,.2f} to {high:,.2f}) at {price:g} {unit} per device-hour."
    if estimate.finish is not None and estimate.lanes is not None:
        yield f"Finishing time on {_lanes(estimate.lanes, resources)}: {durations(estimate.finish)}{most}."
    elif estimate.lanes is None:
        yield "Finishing time: not known, since this machine has no room for a lane; give resources.lanes."
    yield (
        f"Room in the store: {numbers.room(int(estimate.disk.middle))}, up to {numbers.room(int(estimate.disk.high))} "
        f"while it runs. Peak memory of a worker: {rooms(estimate.memory)}."
    )
    for card in estimate.cards:
        fits = f"; {card.too_large}" if card.too_large else ""
        yield f"On {card.card} (analytic): {device_hours(card.whole.total)} for every trial to the budget{fits}."
    if estimate.too_large:
        yield f"On the {estimate.device} that is here: {estimate.too_large}."
    if estimate.resolution is not None:
        yield estimate.resolution
    if estimate.limit is not None:
        yield _limit(estimate)


def device_hours(seconds: Interval) -> str:
    """Formats device time: ``0.42 device-hours (0.36 to 0.51)``."""
    return f"{hours(seconds.middle)} device-hours ({hours(seconds.low)} to {hours(seconds.high)})"


def hours(seconds: float) -> str:
    """Formats seconds as hours, in two digits at least."""
    value = seconds / HOUR
    return numbers.significant(value, 2 if value < 100 else 3)


def durations(seconds: Interval) -> str:
    """Formats wall-clock: ``12 min 03 s (10 min to 15 min)``."""
    return f"{numbers.duration(seconds.middle)} ({numbers.duration(seconds.low)} to {numbers.duration(seconds.high)})"


def rooms(size: Interval) -> str:
    """Formats bytes with their interval."""
    low, middle, high = (numbers.room(int(value)) for value in (size.low, size.middle, size.high))
    return f"{middle} ({low} to {high})"


def _basis(estimate: Estimate) -> Iterator[str]:
    for source in estimate.sources:
        arms = sum(rates.source == source for rates in estimate.rates.values())
        which = "" if len(estimate.sources) == 1 else f"{numbers.plural(arms, 'arm')} "
        yield which + _BASIS[source]


def _lanes(lanes: int, resources: Resources) -> str:
    """Lanes, and what is not seen in their number: that each may have several workers, and each of those a GPU."""
    text = numbers.plural(lanes, "lane")
    text += f" of {resources.workers} workers" if resources.workers > 1 else ""
    cards = lanes * resources.workers * resources.gpus_per_worker
    return text + (f" ({numbers.significant(cards, 3)} GPU{'' if cards == 1 else 's'})" if cards else "")


def _limit(estimate: Estimate) -> str:
    limit = estimate.limit
    assert limit is not None
    needed, least = estimate.ahead.total, estimate.least or estimate.ahead.total
    if needed.high <= limit.seconds:
        return f"Cap: {limit.text} is above all of that."
    if least.low > limit.seconds:
        return (
            f"Cap: {limit.text} will end the run before everything is done; every arm gets its first seed before any "
            "gets another."
        )
    return f"Cap: {limit.text} may end the run before everything is done."
