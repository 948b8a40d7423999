"""Worlds for policies: what every trial would measure, diverge at or fail at, and drivers that run a study in one."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.types import Expansion, Trial
from service.conformance.studies import expansion, result
from service.policies import Plan, Policy
from service.policies.contract import unresolved
from service.records.decisions import Decision
from service.records.proposals import Batch
from service.records.results import TrialResult

VALUES = (1.0, 2.0, 2.0, 3.0, 4.0, 5.0, math.nan, math.inf)
"""What a noisy world measures: few different values, so that ties are common."""


@dataclass
class World:
    """What happens to every trial, whatever anybody decides. Made as it is asked for, the same every time.

    Attributes:
        seed: which world.
        trouble: chance that a trial diverges, and that it fails, on its way to a milestone.
        smooth: whether curves are those of arms that differ, with noise and an effect that all arms share with a seed,
            instead of a few values at random.
        excused: names of trials that do not fail.
    """

    seed: int
    trouble: float = 0.06
    smooth: bool = False
    excused: set[str] = field(default_factory=set)

    def measure(self, before: TrialResult, images: int) -> TrialResult:
        """Runs a trial to its next milestone."""
        trial = before.trial
        values = {seen: metrics["fd_digits_cnn"].value for seen, metrics in before.evaluations.items()}
        fate = random.Random(f"{self.seed} {trial.name} {images} fate").random()
        if fate < self.trouble:
            return result(trial, values, diverged=max([*values, 0]) + 32)
        if fate < 2 * self.trouble and trial.name not in self.excused:
            return result(trial, values, failed=True)
        return result(trial, {**values, images: self.value(trial, images)})

    def value(self, trial: Trial, images: int) -> float:
        """What a trial measures at some images."""
        noise = random.Random(f"{self.seed} {trial.name} {images}")
        if not self.smooth:
            return noise.choice(VALUES)
        arm = random.Random(f"{self.seed} {trial.arm.name}")
        final, slow = arm.gauss(0, 0.3), arm.gauss(0, 0.1)
        shared = random.Random(f"{self.seed} {trial.seed}").gauss(0, 0.2)
        return 10 * math.exp(final + slow * (1 - images / 384) + shared + noise.gauss(0, 0.1))


@dataclass
class Driver:
    """Runs a study with a policy's pure functions, as the engine does: decisions are kept before they count.

    Attributes:
        policy: the policy.
        study: the study.
        world: where it runs.
        results: what is known of every trial.
        decisions: what was decided.
        proposals: the questions it knows the answers of. They are answered with no proposal at all.
        answers: every answer there is, as the store has them: a driver that starts again knows none, and asks.
        log: names of looks decided and questions answered by this driver, in order.
    """

    policy: Policy
    study: Expansion
    world: World
    results: dict[str, TrialResult] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    proposals: dict[str, Batch] = field(default_factory=dict)
    answers: dict[str, Batch] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for trial in self.study.trials:
            self.results.setdefault(trial.name, result(trial, {}))

    def plan(self) -> Plan:
        """Asks the policy, and keeps what it decides, until it decides nothing more."""
        while True:
            plan = self.policy.plan(self.study, self.results, self.decisions, self.proposals)
            for decision in plan.decisions:
                assert decision.look not in self.decisions, f"decided twice: {decision.look}"
                self.decisions[decision.look] = decision
                self.log.append(decision.look)
            for question in () if plan.decisions else plan.questions:
                assert question.name not in self.proposals, f"asked although it is answered: {question.name}"
                if question.name not in self.answers:
                    self.answers[question.name] = Batch(question=question)
                    self.log.append(question.name)
                self.proposals[question.name] = self.answers[question.name]
            if not plan.decisions and not plan.questions:
                return plan

    def run(self, order: random.Random, steps: int | None = None) -> Driver:
        """Runs whatever is wanted, in a random order, to the end or for some steps; bounded by the study's size."""
        most = len(self.study.trials) * len(self.study.study.milestones)
        done = 0
        while wanted := self.plan().wanted:
            if steps is not None and done >= steps:
                return self
            assert done <= most, "the policy asks for more than the study has"
            done += 1
            first: dict[str, tuple[Trial, int]] = {}
            for trial, images in wanted:
                assert unresolved(self.results[trial.name], images), f"{trial.name} at {images} is known"
                if trial.name not in first or images < first[trial.name][1]:
                    first[trial.name] = trial, images
            trial, images = order.choice(sorted(first.values(), key=lambda item: item[0].name))
            self.results[trial.name] = self.world.measure(self.results[trial.name], images)
        return self

    def again(self, study: Expansion | None = None) -> Driver:
        """The same study started again, perhaps with more arms or seeds: given-up trials are tried again."""
        kept = {
            name: result(
                found.trial,
                {images: metrics["fd_digits_cnn"].value for images, metrics in found.evaluations.items()},
                found.diverged.images if found.diverged else None,
            )
            for name, found in self.results.items()
        }
        study = study or self.study
        names = {trial.name for trial in study.trials}
        kept = {name: found for name, found in kept.items() if name in names}
        return Driver(self.policy, study, self.world, kept, dict(self.decisions), {}, self.answers)

    @property
    def stopped(self) -> dict[str, frozenset[str]]:
        """Look -> the arms stopped there."""
        return {look: frozenset(stop.arm for stop in found.stops) for look, found in self.decisions.items()}


def trained_apart(names: Iterable[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Arms of other learning rates, so that none evaluates the weights of another."""
    return {name: {"training": {"learning_rate": 2e-3 + 1e-4 * place}} for place, name in enumerate(names)}


def random_study(generator: random.Random, **changes: Any) -> Expansion:
    """A study of one to seven arms and one to three seeds, with up to four rungs."""
    names = [f"arm{index}" for index in range(generator.randint(1, 7))]
    fields: dict[str, Any] = {
        "seeds": tuple(range(generator.randint(1, 3))),
        "rungs": tuple(sorted(generator.sample([64, 128, 192, 256, 320], generator.randint(0, 4)))),
        **changes,
    }
    return expansion(trained_apart(fields.pop("arms", names)), **fields)


def like(study: Expansion, *, arms: tuple[str, ...] = (), seeds: tuple[int, ...] = (), budget: int = 384) -> Expansion:
    """The same study with more arms, more seeds or a longer budget."""
    old = study.study
    names = [arm.name for arm in study.arms[1:]]
    rungs = old.rungs if budget == old.budget_images else (*old.rungs, old.budget_images)
    return expansion(trained_apart((*names, *arms)), seeds=(*old.seeds, *seeds), rungs=rungs, budget=budget)


def snapshot(results: Mapping[str, TrialResult]) -> dict[str, Any]:
    """A deep picture of results, to see whether somebody has changed them."""
    return {
        name: (
            found.trial.name,
            repr({images: dict(metrics) for images, metrics in found.evaluations.items()}),
            found.diverged,
            found.failed,
        )
        for name, found in results.items()
    }
