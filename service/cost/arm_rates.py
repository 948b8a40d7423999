"""The best rates that can be had for every arm of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from search_spaces.types import Expansion
from service.cost.analytic import analytic_rates
from service.cost.devices import Device
from service.cost.interval import Interval
from service.cost.kept import kept_profile, profiled_rates
from service.cost.rates import Rates
from service.cost.recorded import recorded_rates
from service.cost.target import Target
from service.records.results import Results
from service.records.store import Store

_UNLIKE = 0.25
"""Arms of different shapes reach utilisations that differ by about this share."""


def arm_rates(
    expansion: Expansion, target: Target, device: Device, store: Store | None = None, results: Results | None = None
) -> dict[str, Rates]:
    """Returns every arm's rates: recorded, else profiled, else scaled from those that are, else analytic.

    Args:
        expansion: the study.
        target: what it will run on.
        device: whose peak stands behind what was neither recorded nor profiled.
        store: where the trials' curves are; None for no store.
        results: what is known of the trials; None for nothing.
    """
    workers = expansion.study.resources.workers
    computed = {arm.name: analytic_rates(arm.config, device, workers) for arm in expansion.arms}
    known: dict[str, Rates] = {}
    for arm in expansion.arms:
        found = None
        if store is not None and results is not None:
            own = [results[trial.name] for trial in expansion.trials_of[arm.name]]
            found = recorded_rates(own, store, target)
        if found is None:
            profile = kept_profile(arm.config, target)
            found = None if profile is None else profiled_rates(arm.config, profile)
        if found is not None:
            known[arm.name] = found
    if not known:
        return computed
    found_to_take = [_ratio(known, computed, part) for part in (_train, _sample, _score)]
    return {name: known.get(name) or rates.scaled(*found_to_take) for name, rates in computed.items()}


def _ratio(known: Mapping[str, Rates], computed: Mapping[str, Rates], part: Callable[[Rates], Interval]) -> Interval:
    """What was recorded and profiled as a multiple of the analytic estimates."""
    pairs: Iterable[tuple[float, float]] = ((part(known[name]).middle, part(computed[name]).middle) for name in known)
    return Interval.of([found / thought for found, thought in pairs if thought > 0] or [1.0], _UNLIKE)


def _train(rates: Rates) -> Interval:
    return rates.train


def _sample(rates: Rates) -> Interval:
    return rates.sample


def _score(rates: Rates) -> Interval:
    return rates.score
