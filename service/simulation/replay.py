"""One study, replayed: a policy's plans followed on some lanes, with curves in the place of training."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from dit_core.events import Diverged, MetricResult
from search_spaces.types import Expansion, Trial
from service.policies.base import Policy
from service.policies.planner import Planner, foresee
from service.records.decisions import Claim, Stop, claims_of, stops_of
from service.records.results import TrialResult
from service.simulation.curves import Curves


@dataclass(frozen=True)
class Replay:
    """What came of a study.

    Attributes:
        stops: the arms that were ended, in the order of the looks.
        images: images trained, over all trials; trials that share weights train them once.
        wall_clock: time of the last lane's end, in images that one lane trains.
        results: what is known of every trial at the end.
        looks: comparisons of arms that were decided.
        claims: name of a contrast -> what was claimed of it.
    """

    stops: tuple[Stop, ...]
    images: int
    wall_clock: float
    results: Mapping[str, TrialResult]
    looks: int
    claims: Mapping[str, Claim] = field(default_factory=dict)


def untouched(expansion: Expansion) -> dict[str, TrialResult]:
    """Returns what is known of a study that has not begun."""
    return {trial.name: TrialResult(trial, trial.name) for trial in expansion.trials}


def replay(
    policy: Policy,
    expansion: Expansion,
    curves: Curves,
    lanes: int = 1,
    order: np.random.Generator | None = None,
) -> Replay:
    """Runs a study to the end as the engine does: the earliest rung first, each decision made once it can be.

    Args:
        policy: the policy.
        expansion: the study.
        curves: what trials measure.
        lanes: how many segments run side by side.
        order: makes every segment take between 0.5 and 1.5 times its images at random, so that results arrive in
            another order; None gives each its own images.
    """
    planner = policy.planner(expansion, untouched(expansion), {}, {})
    queue = _Queue(expansion)
    trained: dict[str, int] = {}
    running: list[tuple[float, int, Trial, int]] = []
    now, serial = 0.0, 0
    while True:
        foresee(planner)
        queue.follow(planner)
        while len(running) < lanes and (taken := queue.take()) is not None:
            trial, images = taken
            weights = f"{expansion.weights_of.get(trial.arm.name, trial.arm.name)} {trial.seed}"
            done = trained.get(weights, 0)
            trained[weights] = max(done, images)
            pace = 1.0 if order is None else 0.5 + order.random()
            serial += 1
            heapq.heappush(running, (now + pace * max(images - done, 0), serial, trial, images))
        if not running:
            break
        now, _, trial, images = heapq.heappop(running)
        planner.update(measured(planner.results[trial.name], curves, images))
        queue.release(trial)
    decisions = planner.decisions
    return Replay(
        stops_of(decisions.values()),
        sum(trained.values()),
        now,
        planner.results,
        len(decisions),
        claims_of(decisions.values()),
    )


def measured(before: TrialResult, curves: Curves, images: int) -> TrialResult:
    """Returns what is known of a trial once it was run to ``images``."""
    trial = before.trial
    metric = trial.arm.config.evaluation.metrics[0]
    value = curves.value(trial, images)
    if value is not None:
        return replace(before, evaluations={**before.evaluations, images: {metric: MetricResult(metric, value)}})
    if (at := curves.diverged.get((trial.arm.name, trial.seed))) is not None:
        return replace(before, diverged=Diverged(at, "diverged"))
    return replace(before, failed="the curves have no value there")


class _Queue:
    """What is wanted next, the earliest milestone first and then in the study's order; a trial runs once at a time."""

    def __init__(self, expansion: Expansion) -> None:
        self._order = {trial.name: place for place, trial in enumerate(expansion.trials)}
        self._trial = {trial.name: trial for trial in expansion.trials}
        self._wanted: dict[str, int] = {}
        self._heap: list[tuple[int, int, str]] = []
        self._out: set[str] = set()
        self._planner: Planner | None = None

    def follow(self, planner: Planner) -> None:
        self._planner = planner
        for name in planner.take_changed():
            self._put(name)

    def take(self) -> tuple[Trial, int] | None:
        while self._heap:
            images, _, name = heapq.heappop(self._heap)
            if self._wanted.get(name) == images and name not in self._out:
                self._out.add(name)
                del self._wanted[name]
                return self._trial[name], images
        return None

    def release(self, trial: Trial) -> None:
        self._out.discard(trial.name)
        self._put(trial.name)

    def _put(self, name: str) -> None:
        images = self._planner.next(name) if self._planner is not None else None
        if images is None:
            self._wanted.pop(name, None)
        elif name not in self._out:
            self._wanted[name] = images
            heapq.heappush(self._heap, (images, self._order[name], name))
