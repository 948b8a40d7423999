"""Which work a run may begin under the study's cap: whole seeds that it pays for, and nothing that does not fit."""

from __future__ import annotations

import time
from collections.abc import Mapping

from search_spaces.types import Trial
from service.cost.budget import Budget
from service.cost.remaining import Remaining, remaining
from service.cost.to_come import to_come
from service.engine.course import Course
from service.engine.segment import Segment
from service.engine.wire import DONE, SegmentResult
from service.records.store import Store

Priority = tuple[float, ...]


class Allowance:
    """Keeps a run's work within a budget.

    The policy plans the seeds that the budget pays for in full, as if the study had no others: so it compares arms over
    those, does not wait for the rest, and decides nothing on half of what it is about. When they are done, and the arms
    that were stopped have left something, further seeds are taken in. A segment that does not fit any more is refused,
    and with it every later seed. What is missing then is what the policy would want next; a higher cap continues there.

    Args:
        course: the study while it runs.
        store: where its records are.
        budget: what may be spent.

    Attributes:
        budget: what may be spent.
        over: whether the cap was reached in the middle of segments, which then checkpoint and end.
    """

    def __init__(self, course: Course, store: Store, budget: Budget) -> None:
        self._course, self._store, self.budget = course, store, budget
        self._workers = course.expansion.study.resources.workers
        self._steps = self._boundaries()
        self._refused: set[str] = set()
        self._last = len(course.expansion.study.seeds)  # the place of the first seed that was refused
        self._reserved: dict[str, tuple[float, float]] = {}  # what is expected, and when it was handed out
        self.over = False
        fitting = budget.seeds_that_fit(self._left())
        course.plan_seeds(max((step for step in self._steps if step <= fitting), default=self._steps[0]))

    def rank(self, trial: Trial) -> Priority:
        """What is handed out first: the earliest seed and, of a seed, the baseline."""
        return (self.budget.place(trial), 0.0 if trial.arm.is_baseline else 1.0)

    def admits(self, trial: Trial, until: int, in_flight: Mapping[str, Segment]) -> bool | None:
        """Returns whether a segment fits; None when that is known only once what is in flight has ended."""
        place = self.budget.place(trial)
        if trial.name in self._refused or place > self._last:
            self._refused.add(trial.name)
            return False
        now = time.monotonic()
        under_way = (self._reserved.get(identity, (0.0, now)) for identity in in_flight)
        reserved = sum(max(0.0, whole - (now - began) * self._workers) for whole, began in under_way)
        if self.budget.expected(trial, self._images(trial, until)) + reserved <= self.budget.left:
            return True
        if in_flight:
            return None
        self._refused.add(trial.name)
        self._last = min(self._last, place)
        return False

    def handed_out(self, segment: Segment) -> None:
        """Sets aside what a segment is expected to take."""
        trial = self._course.expansion.trial(segment.trial)
        expected = self.budget.expected(trial, self._images(trial, segment.until))
        self._reserved[segment.train_id] = (expected, time.monotonic())

    def settled(self, segment: Segment, result: SegmentResult) -> None:
        """Learns from what a segment has taken; one that was cut short says too little."""
        self._reserved.pop(segment.train_id, None)
        timing, trial = result.timing, self._course.expansion.trial(segment.trial)
        images = self._images(trial, segment.until)
        if result.kind == DONE and timing is not None and timing.sample > 0 and (timing.train > 0 or images == 0):
            self.budget.settled(trial, images, 1, (timing.train + timing.sample + timing.score) * self._workers)

    def grow(self) -> bool:
        """Takes further seeds in, when all others are done; returns whether there were any and something is left."""
        planned = self._course.seeds or 0
        following = next((step for step in self._steps if step > planned), None)
        if following is None or self._refused or self.budget.left <= 0:
            return False
        self._course.plan_seeds(following)
        return True

    def missing(self) -> tuple[str, ...]:
        """Returns the trials that the cap has left without a measurement, in the study's order."""
        planned = self._course.seeds or 0
        cut = {item.trial.name for item in self._left() if self.budget.place(item.trial) >= planned}
        if self._refused or self.over:
            cut |= {trial.name for trial, _ in self._course.planner.plan.wanted}
        return tuple(trial.name for trial in self._course.expansion.trials if trial.name in cut)

    def _left(self) -> tuple[Remaining, ...]:
        """What is left if no further arm is stopped, of all seeds, with arms that are still to be proposed."""
        here = remaining(self._course.prepared, self._store, self._course.results, self._course.stops)
        return (*here, *to_come(self._course.expansion)) if self._course.planner.questions() else here

    def _boundaries(self) -> list[int]:
        """Numbers of seeds after which the policy has no other looks than it has with all of them."""
        policy, full = self._course.prepared.policy, len(self._course.expansion.study.seeds)
        looks = {look.name for look in policy.looks(self._course.expansion)}

        def fits(seeds: int) -> bool:
            return {look.name for look in policy.looks(self._course.within(seeds))} <= looks

        return [seeds for seeds in range(1, full) if fits(seeds)] + [full]

    def _images(self, trial: Trial, until: int) -> int:
        """Training images of a segment, as far as measurements tell; none where another arm trains the weights."""
        if trial.arm.name in self._course.expansion.weights_of:
            return 0
        measured = (images for images in self._course.results[trial.name].evaluations if images < until)
        return until - max(measured, default=0)
