"""What is wanted, in flight, settled and given up: the executors' common book-keeping around the policy."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

from dit_core.gflops import count
from dit_core.identity import sampling
from search_spaces.study import Study
from search_spaces.types import Expansion, Trial
from service.analysis.status import TrialStatus, trial_status
from service.engine.course import Course
from service.engine.proposer import Proposer
from service.engine.segment import Segment
from service.engine.wire import DONE, FAILED, LOST, SegmentResult, Timing
from service.engine.work_queue import Priority, WorkQueue
from service.policies.base import Plan, unresolved
from service.preflight import Prepared
from service.records.decisions import Stop
from service.records.results import Results, TrialResult, collect_trial
from service.records.store import Store


class Ledger:
    """Hands out segments in the policy's order and takes their results.

    What is known comes from the store alone; a result only says that there may be something new in it. Settling a
    segment reads and writes that segment's records, whatever the size of the study. Not thread-safe except for
    reading: one thread hands out and settles. ``stopping`` ends the handing out; ``closed`` says that the run is being
    torn down, so that what fails now is nobody's fault.

    Making a ledger only reads. ``begin`` records what can be decided already; call it once the study is this
    process's. The first ``next`` does so where nobody has.

    Args:
        prepared: the study.
        store: where its records are.
        max_attempts: how often a segment may fail, or lose its lane without having come further, before the
            trial is given up for this run.
        proposer: proposes new arms where the policy asks for some.
    """

    def __init__(
        self, prepared: Prepared, store: Store, max_attempts: int = 3, proposer: Proposer | None = None
    ) -> None:
        self.store, self.max_attempts = store, max_attempts
        self.failed: dict[str, str] = {}
        self.in_flight: dict[str, Segment] = {}  # train_id -> segment: one writer per trial folder
        self.timings: list[Timing] = []
        self.stopping = False
        self.closed = False
        self._begun = False
        self._attempts: Counter[str] = Counter()
        self._reached: dict[str, int] = {}
        self._queue = WorkQueue(lambda trial: self.prepared.train_ids[trial.name], self.priority)
        self._course = Course(prepared, store, proposer)
        self.messages = self._course.messages
        self._lay_out()

    @property
    def prepared(self) -> Prepared:
        """The study, with the arms proposed so far."""
        return self._course.prepared

    @property
    def expansion(self) -> Expansion:
        """The study's arms and trials."""
        return self._course.expansion

    @property
    def study(self) -> Study:
        """The study."""
        return self.expansion.study

    @property
    def results(self) -> Results:
        """What is known of every trial."""
        return self._course.results

    # -- handing out ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Records what can be decided before anything runs."""
        if not self._begun:
            self._begun = True
            self._advance()

    def next(self) -> Segment | None:
        """Takes the most urgent segment that can run now, or None: everything wanted is in flight."""
        self.begin()
        if self.stopping or self.closed:
            return None
        found = self._queue.take()
        if found is None:
            return None
        segment = self.segment(*found)
        self.in_flight[segment.train_id] = segment
        return segment

    def priority(self, trial: Trial, images: int) -> Priority:
        """What decides which segment is handed out first: the smallest.

        The earliest rung first and, at one rung, the costliest trial, so that all lanes have work until the rung's end.
        """
        return (images, -self._cost[trial.arm.name], self._order[trial.name])

    @property
    def left(self) -> int:
        """Measurements wanted now, in flight included."""
        return self._course.planner.left

    @property
    def finished(self) -> bool:
        """Whether nothing is in flight and nothing more will be handed out."""
        if self.in_flight:
            return False
        if self.stopping or self.closed:
            return True
        return not self._queue and (self._begun or self.plan.finished)

    @property
    def trainings_wanted(self) -> int:
        """Different weights that are wanted now: more lanes than that would have nothing to do."""
        return len({self.prepared.train_ids[trial.name] for trial, _ in self.plan.wanted})

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

    # -- taking results ---------------------------------------------------------------------------

    def settle(self, segment: Segment, result: SegmentResult) -> None:
        """Takes the result of a segment and reads what it left in the store."""
        self.in_flight.pop(segment.train_id, None)
        self.messages.extend(f"{segment.trial}: {note}" for note in result.notes)
        if result.timing is not None:
            self.timings.append(result.timing)
        trial = self.expansion.trial(segment.trial)
        self._read(trial)
        missing = unresolved(self.results[segment.trial], segment.until)
        if result.kind == DONE and missing:
            result = SegmentResult(FAILED, error="the segment ended without leaving its measurement in the store")
        if result.kind in (FAILED, LOST) and missing and not self.closed:
            self._count_failure(segment, result)
        self._queue.release(segment.train_id)
        self._advance()
        self._queue.put(trial, self._course.planner.next(trial.name))

    def _count_failure(self, segment: Segment, result: SegmentResult) -> None:
        if result.images > self._reached.get(segment.id, 0):
            self._reached[segment.id] = result.images
            if result.kind == LOST:
                self._attempts[segment.id] = 0  # a lost lane that came further than the last one is no bad sign
        self._attempts[segment.id] += 1
        attempt = self._attempts[segment.id]
        given_up = attempt >= self.max_attempts or not result.retry
        self.store.add_numbered(self.study.name, "failures", failure_record(segment, result, attempt, given_up))
        where = f"{segment.trial} on its way to {segment.until:,} images"
        if given_up:
            tries = "" if attempt == 1 else f" after {attempt} attempts"
            self.failed[segment.trial] = result.error
            self.messages.append(f"{where}: given up{tries}: {result.error}")
            self._take(replace(self.results[segment.trial], failed=result.error))
        else:
            self.messages.append(f"{where}: attempt {attempt} of {self.max_attempts} failed: {result.error}")

    def _read(self, trial: Trial) -> None:
        """Reads a trial's records; they may say something of other trials that have its weights, too."""
        identity = self.prepared.train_ids[trial.name]
        result = self._collect(trial)
        self._take(result)
        for other in self._sharing[identity]:
            if other is trial:
                continue
            if self._measured_as(other) == self._measured_as(trial):
                self._take(self._collect(other))
            elif result.diverged != self.results[other.name].diverged:
                self._take(replace(self.results[other.name], diverged=result.diverged))

    def _collect(self, trial: Trial) -> TrialResult:
        return collect_trial(trial, self.store, self.prepared.train_ids[trial.name], self.failed.get(trial.name))

    def _take(self, result: TrialResult) -> None:
        self._course.planner.update(result)
        self._statuses[result.trial.name] = self._status(result)

    def _measured_as(self, trial: Trial) -> Any:
        """What decides which of the records of its weights are a trial's."""
        if trial.arm.name not in self._measures:
            self._measures[trial.arm.name] = (sampling(trial.config), trial.config.data.vae)
        return self._measures[trial.arm.name]

    def _advance(self) -> None:
        """Decides what can be decided, and takes over what is wanted since."""
        stops = len(self._course.stops)
        if self._course.advance():
            self._lay_out()
            return
        for stop in self._course.stops[stops:]:
            for trial in self.expansion.trials_of.get(stop.arm, ()):
                self._stops[stop.arm] = stop
                self._statuses[trial.name] = self._status(self.results[trial.name])
        self._enqueue()

    def _lay_out(self) -> None:
        """Works out what depends on the study's arms; done anew when it has got some."""
        expansion = self.expansion
        costs = {arm.name: count(arm.config.model, arm.config.training.mask_ratio) for arm in expansion.arms}
        self._cost = {name: cost.trained_gmacs for name, cost in costs.items()}
        self._order = {trial.name: index for index, trial in enumerate(expansion.trials)}
        self._sharing: defaultdict[str, list[Trial]] = defaultdict(list)
        for trial in expansion.trials:
            self._sharing[self.prepared.train_ids[trial.name]].append(trial)
        self._measures: dict[str, Any] = {}
        self._stops: dict[str, Stop] = {stop.arm: stop for stop in self._course.stops}
        self._statuses = {trial.name: self._status(self.results[trial.name]) for trial in expansion.trials}
        self._enqueue()

    def _enqueue(self) -> None:
        planner = self._course.planner
        for name in planner.take_changed():
            self._queue.put(self.expansion.trial(name), planner.next(name))

    # -- looking ----------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan:
        """The policy's whole plan at this moment."""
        return self._course.planner.plan

    @property
    def stops(self) -> tuple[Stop, ...]:
        """The arms that are not continued, in the order of the looks."""
        return self._course.stops

    def statuses(self, running: frozenset[str] = frozenset()) -> list[TrialStatus]:
        """Returns every trial's status, in the study's order; ``running`` are those with a segment in flight."""
        return [
            status
            if status.trial.name not in running
            else trial_status(self.study, self.results[status.trial.name], self._stops, True)
            for status in self._statuses.values()
        ]

    def _status(self, result: TrialResult) -> TrialStatus:
        return trial_status(self.study, result, self._stops, False)


def failure_record(segment: Segment, result: SegmentResult, attempt: int, given_up: bool) -> dict[str, Any]:
    """What is kept of a failed segment under ``studies/<name>/failures``."""
    return {
        "trial": segment.trial,
        "train_id": segment.train_id,
        "until": segment.until,
        "images": result.images,
        "attempt": attempt,
        "given_up": given_up,
        "kind": result.kind,
        "error": result.error,
        "traceback": result.traceback,
    }
