"""What is wanted, in flight, settled and given up: the executors' common book-keeping around the policy."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dit_core.gflops import count
from search_spaces.types import Trial
from service.analysis.status import TrialStatus, trial_statuses
from service.engine.segment import Segment
from service.engine.wire import DONE, FAILED, LOST, SegmentResult, Timing
from service.policies.base import Plan, unresolved
from service.preflight import Prepared
from service.records.kinds import Failure
from service.records.results import collect, collect_trial
from service.records.store import Store


class Ledger:
    """Hands out segments in the policy's order and takes their results.

    Decisions read the store alone; a result only says that there may be something new in it. Not thread-safe
    except for reading: one thread hands out and settles. ``stopping`` ends the handing out; ``closed`` says that
    the run is being torn down, so that what fails now is nobody's fault.

    Args:
        prepared: the study.
        store: where its records are.
        max_attempts: how often a segment may fail, or lose its lane without having come further, before the
            trial is given up for this run.
    """

    def __init__(self, prepared: Prepared, store: Store, max_attempts: int = 3) -> None:
        self.prepared, self.store, self.max_attempts = prepared, store, max_attempts
        self.study = prepared.expansion.study
        self.run = 0  # the run's number, once it is claimed
        self.failed: dict[str, str] = {}
        self.in_flight: dict[str, Segment] = {}  # train_id -> segment: one writer per trial folder
        self.timings: list[Timing] = []
        self.messages: list[str] = []
        self.stopping = False
        self.closed = False
        self.results = collect(prepared.expansion, store, prepared.train_ids)
        self._attempts: Counter[str] = Counter()
        self._reached: dict[str, int] = {}
        arms = prepared.expansion.arms
        self._cost = {arm.name: count(arm.config.model, arm.config.training.mask_ratio).trained_gmacs for arm in arms}
        self.plan: Plan = self._plan()

    # -- handing out ------------------------------------------------------------------------------

    def next(self) -> Segment | None:
        """Takes the most urgent segment that can run now, or None: everything wanted is in flight."""
        for trial, images in self._runnable():
            identity = self.prepared.train_ids[trial.name]
            if identity not in self.in_flight:
                segment = self.segment(trial, images)
                self.in_flight[identity] = segment
                return segment
        return None

    @property
    def left(self) -> int:
        """Measurements wanted now, in flight included."""
        return len(self.plan.wanted)

    @property
    def finished(self) -> bool:
        """Whether nothing is in flight and nothing more will be handed out."""
        return not self.in_flight and not self._runnable()

    def segment(self, trial: Trial, images: int) -> Segment:
        """Builds the segment that measures ``trial`` at ``images``."""
        return Segment(
            trial=trial.name,
            train_id=self.prepared.train_ids[trial.name],
            until=images,
            config=trial.config.model_dump(mode="json"),
            checkpoint_images=self.study.checkpoint_images,
            study=self.study.name,
        )

    def _runnable(self) -> list[tuple[Trial, int]]:
        """The next measurement of every trial; at one rung the costliest first, so that lanes end together."""
        if self.stopping or self.closed:
            return []
        first: dict[str, tuple[Trial, int]] = {}
        for trial, images in self.plan.wanted:
            if trial.name not in first or images < first[trial.name][1]:
                first[trial.name] = (trial, images)
        return sorted(first.values(), key=lambda item: (item[1], -self._cost[item[0].arm.name]))

    # -- taking results ---------------------------------------------------------------------------

    def settle(self, segment: Segment, result: SegmentResult) -> None:
        """Takes the result of a segment and reads what it left in the store."""
        self.in_flight.pop(segment.train_id, None)
        self.messages.extend(f"{segment.trial}: {note}" for note in result.notes)
        if result.timing is not None:
            self.timings.append(result.timing)
        for trial in self.prepared.expansion.trials:
            if self.prepared.train_ids[trial.name] == segment.train_id:
                self.results[trial.name] = self._collect(trial)
        missing = unresolved(self.results[segment.trial], segment.until)
        if result.kind == DONE and missing:
            result = SegmentResult(FAILED, error="the segment ended without leaving its measurement in the store")
        if result.kind in (FAILED, LOST) and missing and not self.closed:
            self._count_failure(segment, result)
        self.plan = self._plan()

    def _count_failure(self, segment: Segment, result: SegmentResult) -> None:
        if result.images > self._reached.get(segment.id, 0):
            self._reached[segment.id] = result.images
            if result.kind == LOST:
                self._attempts[segment.id] = 0  # a lost lane that came further than the last one is no bad sign
        self._attempts[segment.id] += 1
        attempt = self._attempts[segment.id]
        given_up = attempt >= self.max_attempts or not result.retry
        self.store.add_failure(self.study.name, failure_record(segment, result, attempt, given_up, self.run))
        where = f"{segment.trial} on its way to {segment.until:,} images"
        if given_up:
            tries = "" if attempt == 1 else f" after {attempt} attempts"
            self.failed[segment.trial] = result.error
            self.messages.append(f"{where}: given up{tries}: {result.error}")
            trial = self.results[segment.trial].trial
            self.results[segment.trial] = self._collect(trial)
        else:
            self.messages.append(f"{where}: attempt {attempt} of {self.max_attempts} failed: {result.error}")

    def _collect(self, trial: Trial) -> Any:
        identity, milestones = self.prepared.train_ids[trial.name], self.study.milestones
        return collect_trial(trial, self.store, identity, milestones, self.failed.get(trial.name))

    # -- looking ----------------------------------------------------------------------------------

    def statuses(self, running: frozenset[str] = frozenset()) -> list[TrialStatus]:
        """Returns every trial's status, in the study's order."""
        return trial_statuses(self.study, self.results, self.plan, running)

    def _plan(self) -> Plan:
        return self.prepared.policy.plan(self.prepared.expansion, self.results)


def failure_record(segment: Segment, result: SegmentResult, attempt: int, given_up: bool, run: int) -> Failure:
    """What is kept of a failed segment under ``studies/<name>/failures``."""
    return Failure(
        trial=segment.trial,
        train_id=segment.train_id,
        until=segment.until,
        images=result.images,
        attempt=attempt,
        given_up=given_up,
        outcome=result.kind,
        error=result.error,
        traceback=result.traceback,
        run=run,
    )
