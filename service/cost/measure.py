"""Measures the arms of a study that nobody knows the speed of, a few steps each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from search_spaces.types import Arm
from service.cost.kept import keep, kept_profile
from service.cost.profile import profile
from service.cost.recorded import recorded_rates
from service.cost.shape import shape
from service.cost.target import Target
from service.preflight import Prepared
from service.records.results import Results
from service.records.store import Store

Tell = Callable[[str], None]


def unknown_arms(prepared: Prepared, target: Target, store: Store | None, results: Results | None) -> list[Arm]:
    """Returns one arm of every shape that was neither recorded nor profiled on such hardware.

    Args:
        prepared: the study.
        target: what it will run on.
        store: where its records are; None when there is no store yet.
        results: what is known of its trials; None for nothing.
    """
    expansion = prepared.expansion
    found: dict[str, Arm] = {}
    for arm in expansion.arms:
        if store is not None and results is not None:
            own = [results[trial.name] for trial in expansion.trials_of[arm.name]]
            if recorded_rates(own, store, target) is not None:
                continue
        if kept_profile(arm.config, target) is None:
            found.setdefault(shape(arm.config), arm)
    return list(found.values())


def measure_here(prepared: Prepared, arms: list[Arm], tell: Tell = lambda text: None) -> None:
    """Profiles arms in this process, one after another, and keeps what was found.

    Args:
        prepared: the study.
        arms: the arms.
        tell: told which arm is next.
    """
    with _threads(prepared.expansion.study.resources.cpus_per_worker):
        for number, arm in enumerate(arms, 1):
            tell(f"measuring {arm.name} ({number} of {len(arms)})")
            keep(arm.config, profile(arm.config, prepared.dataset(arm.config)))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
