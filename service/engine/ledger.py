"""What is wanted, in flight, settled and given up: the executors' common book-keeping around the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dit_core.gflops import count
from search_spaces.study import Study
from search_spaces.types import Expansion, Trial
from service.analysis.status import TrialStatus
from service.cost.budget import Budget
from service.engine.allowance import Allowance
from service.engine.attempts import Attempts, failure_record
from service.engine.causes import pause, told_cause
from service.engine.course import Course
from service.engine.held_up import HeldUp
from service.engine.micro_batches import MicroBatches
from service.engine.proposer import Proposer
from service.engine.segment import Segment
from service.engine.wire import DONE, FAILED, LOST, SegmentResult, Timing
from service.engine.work_queue import Priority, WorkQueue
from service.policies.contract import Plan, unresolved
from service.preflight import Prepared
from service.records.decisions import Stop
from service.records.kinds import GivenUp
from service.records.liveness import Liveness
from service.records.network_counts import record_counts
from service.records.results import Results
from service.records.store import Store
from service.records.trial_claims import TrialClaims


class Ledger:
    """Hands out segments in the policy's order and takes their results.

    What is known comes from the store alone; a result only says that there may be something new in it. Settling a
    segment reads and writes that segment's records, whatever the size of the study. Not thread-safe except for
    reading: one thread hands out and settles. ``stopping`` ends the handing out; ``closed`` says that the run is being
    torn down, so that what fails now is nobody's fault.

    Weights are claimed before their segment is handed out. What another study trains, and what is to be tried again
    only later, is held up: other work goes first, and ``next`` looks again every now and then.

    Making a ledger only reads. ``begin`` records what can be decided already; call it once the study is this
    process's. The first ``next`` does so where nobody has.

    Args:
        prepared: the study.
        store: where its records are.
        max_attempts: how often a segment may fail, or lose its lane without having come further, before the
            trial is given up for this run.
        proposer: proposes new arms where the policy asks for some.
        leave: trials that an earlier run has given up and this one leaves out.
    """

    def __init__(
        self,
        prepared: Prepared,
        store: Store,
        max_attempts: int = 3,
        proposer: Proposer | None = None,
        leave: Sequence[GivenUp] = (),
    ) -> None:
        self.store = store
        self.run = 0  # the run's number, once it is claimed
        self.in_flight: dict[str, Segment] = {}  # train_id -> segment: one writer per trial folder
        self.timings: list[Timing] = []
        self.stopping = False
        self.closed = False
        self._begun = False
        self._attempts = Attempts(max_attempts)
        self._micro_batches = MicroBatches()
        self._claims: TrialClaims | None = None
        self._held_up = HeldUp()
        self.on_settled: Callable[[str], None] = lambda train_id: None  # called while the weights are still claimed
        self._queue = WorkQueue(lambda trial: self.prepared.train_ids[trial.name], self.priority)
        self._course = Course(prepared, store, proposer)
        self.messages = self._course.messages
        budget = Budget.of(self.prepared, store, self.results)
        self._allowance = None if budget is None else Allowance(self._course, store, budget)
        self._leave = [record for record in leave if record.trial in self.results]
        for record in self._leave:
            self._course.give_up(record.trial, record.error)
        self._lay_out()
        self._enqueue()

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

    @property
    def failed(self) -> Mapping[str, str]:
        """Trial name -> error, for the trials given up in this run."""
        return self._course.failed

    # -- handing out ------------------------------------------------------------------------------

    def claimed(self, run: int, liveness: Liveness) -> None:
        """Says that this process runs the study now.

        Args:
            run: the run's number.
            liveness: what tells whether the runs of others go on.
        """
        self.run = run
        self._claims = TrialClaims(self.store.records, self.study.name, run, liveness)
        for record in self._leave:
            self.store.records.append(GivenUp.folder(self.study.name, run), record)

    def holds(self, train_id: str) -> bool:
        """Whether this run still has the weights that it has claimed."""
        return self._claims is not None and self._claims.holds(train_id)

    def begin(self) -> None:
        """Records what can be decided before anything runs."""
        if not self._begun:
            self._begun = True
            self._record_counts()
            self._advance()

    def next(self) -> Segment | None:
        """Takes the most urgent segment that can run now, or None: everything wanted is in flight."""
        self.begin()
        if self.stopping or self.closed:
            return None
        self._look_again()
        while (found := self._queue.take()) is not None:
            trial, images = found
            fits = self._allowance is None or self._allowance.admits(trial, images, self.in_flight)
            if fits is None:  # what is in flight may leave room for it
                self._queue.release(self.prepared.train_ids[trial.name])
                self._queue.put(trial, images)
                return None
            if not fits:
                self._queue.release(self.prepared.train_ids[trial.name])
                continue
            if not self._claim(trial, images):
                continue
            segment = self.segment(trial, images)
            self.in_flight[segment.train_id] = segment
            if self._allowance is not None:
                self._allowance.handed_out(segment)
            return segment
        return None

    # -- what it may cost -------------------------------------------------------------------------

    def spend(self, seconds: float) -> bool:
        """Takes the device seconds of this run so far; returns whether the cap is reached and segments must end."""
        if self._allowance is None:
            return False
        self._allowance.budget.spend(seconds)
        self._allowance.over = self._allowance.over or (self._allowance.budget.left <= 0 and bool(self.in_flight))
        return self._allowance.over

    @property
    def capped(self) -> tuple[str, ...]:
        """The trials that lack something because of the study's cap."""
        return () if self._allowance is None else self._allowance.missing()

    @property
    def cap(self) -> str:
        """The study's cap, as it says it; empty for none."""
        return "" if self._allowance is None else self._allowance.budget.limit.text

    @property
    def cap_reached(self) -> bool:
        """Whether the run was ended in the middle of segments because the cap was reached."""
        return self._allowance is not None and self._allowance.over

    def _claim(self, trial: Trial, images: int) -> bool:
        """Claims a trial's weights; returns whether its measurement is to be made by this run, now."""
        train_id = self.prepared.train_ids[trial.name]
        if self._claims is None:
            return True
        owner = self._claims.take(train_id)
        if owner is not None:
            if self._held_up.by(owner, trial.name):
                self.messages.append(f"{trial.name}: waits for study {owner.study!r}, which trains it")
            return False
        if not self._claims.had_by_others(train_id):
            return True
        self._course.read(trial)
        if unresolved(self.results[trial.name], images):
            return True
        self._end_turn(trial)
        return False

    def _look_again(self) -> None:
        """Puts back into the queue what need not be held up any longer."""
        for name in self._held_up.due():
            trial = self.expansion.trial(name)
            self._course.read(trial)
            self._end_turn(trial)

    def _end_turn(self, trial: Trial, pause: float = 0.0) -> None:
        """Ends a trial's turn: its weights are free, and what it wants next goes into the queue, after a pause."""
        train_id = self.prepared.train_ids[trial.name]
        if self._claims is not None:
            self._claims.release(train_id)
        self._queue.release(train_id)
        self._advance()
        if pause > 0:
            self._held_up.wait(trial.name, pause)
        else:
            self._queue.put(trial, self._course.planner.next(trial.name))

    def priority(self, trial: Trial, images: int) -> Priority:
        """What decides which segment is handed out first: the smallest.

        The earliest rung first and, at one rung, the costliest trial, so that all lanes have work until the rung's end.
        Under a cap the earliest seed before that, and of a seed the baseline.
        """
        ranked = () if self._allowance is None else self._allowance.rank(trial)
        return (*ranked, images, -self._cost[trial.arm.name], self._order[trial.name])

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
        return not self._queue and not self._held_up and (self._begun or self.plan.finished)

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
            config=self._plain(trial),
            checkpoint_images=self.study.checkpoint_images,
            study=self.study.name,
            run=self.run,
            micro_batch=self._micro_batches.of(self.prepared.train_ids[trial.name]),
        )

    def _plain(self, trial: Trial) -> dict[str, Any]:
        """A trial's configuration as plain data; all but its seed is written out once for its arm."""
        arm = trial.arm
        if arm.name not in self._arms:
            self._arms[arm.name] = arm.config.model_dump(mode="json")
        return {**self._arms[arm.name], "seed": trial.seed}

    # -- taking results ---------------------------------------------------------------------------

    def settle(self, segment: Segment, result: SegmentResult) -> None:
        """Takes the result of a segment and reads what it left in the store."""
        self.in_flight.pop(segment.train_id, None)
        self.messages.extend(f"{segment.trial}: {note}" for note in result.notes)
        if result.timing is not None:
            self.timings.append(result.timing)
        trial = self.expansion.trial(segment.trial)
        if self._allowance is not None:
            self._allowance.settled(segment, result)
        self._course.read(trial)
        missing = unresolved(self.results[segment.trial], segment.until)
        if result.kind == DONE and missing:
            result = SegmentResult(FAILED, error="the segment ended without leaving its measurement in the store")
        wait = 0.0
        if result.kind in (FAILED, LOST) and missing and not self.closed:
            wait = self._count_failure(segment, result)
        self.on_settled(segment.train_id)
        self._end_turn(trial, wait)

    def _count_failure(self, segment: Segment, result: SegmentResult) -> float:
        """Counts a failure; returns the seconds after which to try again."""
        blameless = self._attempts.blameless(segment, result)
        if blameless is not None:
            self.messages.append(f"{segment.trial}: {result.error}")
            return blameless
        halved = self._micro_batches.halve(segment, result)
        if halved is not None:
            self.messages.append(f"{segment.trial}: {halved}")
            return 0.0
        attempt, given_up = self._attempts.failed(segment, result)
        self.store.add_failure(self.study.name, failure_record(segment, result, attempt, given_up, self.run))
        where = f"{segment.trial} on its way to {segment.until:,} images"
        if given_up:
            tries = "" if attempt == 1 else f" after {attempt} attempts"
            self._course.give_up(segment.trial, result.error)
            self.messages.append(f"{where}: given up{tries}: {result.error}")
            return 0.0
        self.messages.append(f"{where}: attempt {attempt} of {self._attempts.most} failed: {result.error}")
        return pause(told_cause(result), attempt)

    def _advance(self) -> None:
        """Decides what can be decided, and takes over what is wanted since."""
        while True:
            if self._course.advance():
                self._lay_out()
                self._record_counts()
            self._enqueue()
            if self._queue or self.in_flight or self._held_up or self._allowance is None or not self._allowance.grow():
                return

    def _lay_out(self) -> None:
        """Works out what hand-outs are ordered by; done anew when the study has got arms."""
        self._arms: dict[str, dict[str, Any]] = {}
        costs = {arm.name: count(arm.config.model, arm.config.training.mask_ratio) for arm in self.expansion.arms}
        self._cost = {name: cost.trained_gmacs for name, cost in costs.items()}
        self._order = {trial.name: index for index, trial in enumerate(self.expansion.trials)}

    def _record_counts(self) -> None:
        """Keeps beside the study what its networks cost, so that who reads it need not count."""
        record_counts(self.store, self.study.name, self.expansion.arms)

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
        return self._course.statuses(running)
