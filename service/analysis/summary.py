"""A study's results per arm: what the report, and MLflow's description of the study, are written from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dit_core.gflops import Cost, count
from search_spaces.study import Study
from search_spaces.types import Arm, Expansion
from service.analysis.standing import Standing, standing
from service.analysis.statistics import PairedDifference, Spread, holm, paired_difference, spread
from service.analysis.status import StateKind, TrialStatus, trial_status
from service.policies.contract import Plan
from service.preflight import Prepared
from service.records.decisions import Decision, OtherPlan, Stop, stops_of
from service.records.results import Results
from service.records.store import Store


@dataclass(frozen=True)
class ArmSummary:
    """One arm over its seeds.

    Attributes:
        arm: the arm.
        cost: parameters and multiply-adds.
        statuses: every seed's status, in the study's order of seeds.
        finals: seed -> primary metric of the trials that ran to the budget; never a stopped trial's.
        measured: images -> seed -> primary metric, at the study's rungs and budget.
        stop: the policy's decision not to continue it, if it made one.
        difference: finished seeds against the baseline's, None for the baseline and without a common seed.
        p_holm: sign-flip p after Holm's correction over the study's arms, None below five common seeds.
    """

    arm: Arm
    cost: Cost
    statuses: tuple[TrialStatus, ...]
    finals: Mapping[int, float]
    measured: Mapping[int, Mapping[int, float]]
    stop: Stop | None = None
    difference: PairedDifference | None = None
    p_holm: float | None = None

    @property
    def final(self) -> Spread | None:
        """Mean and spread of the finished seeds."""
        return spread(list(self.finals.values()))

    @property
    def ended_early(self) -> bool:
        """Whether the arm was stopped at a rung, so that it has no final metric; divergence alone is not that."""
        stopped = any(status.state.kind is StateKind.STOPPED for status in self.statuses)
        return self.stop is not None and stopped and not self.finals

    @property
    def diverged(self) -> bool:
        """Whether a seed diverged, so that the arm has no final metric."""
        return not self.finals and any(status.state.kind is StateKind.DIVERGED for status in self.statuses)

    @property
    def last_images(self) -> int:
        """The last milestone that any of its seeds was measured at, 0 before the first."""
        return max((images for images, values in self.measured.items() if values), default=0)

    @property
    def status(self) -> str:
        """One word when all seeds agree (``completed``, ``stopped@12800``), else a count of each."""
        states = Counter(str(status.state) for status in self.statuses)
        if len(states) == 1:
            return next(iter(states))
        return ", ".join(f"{number} {state}" for state, number in states.items())

    def at(self, images: int) -> Spread | None:
        """Mean and spread over the seeds measured at ``images``."""
        return spread(list(self.measured.get(images, {}).values()))


@dataclass(frozen=True)
class Summary:
    """A study's results, per arm.

    Attributes:
        prepared: the study, with the arms that were proposed while it ran.
        arms: every arm, the baseline first.
        plan: what the policy makes of the results; nothing wanted means the study is finished.
        results: the results that everything here was computed from.
        decisions: what was decided, in the order of the looks, and what would be now; see ``Standing``.
        foreseen: the looks among them that nobody has decided yet.
        elsewhere: what was decided in this study under other plans and policies.
        floors: distances between training and held-out images, by metric, where they were measured.
        failures: trial name -> error of trials that were given up.
    """

    prepared: Prepared
    arms: tuple[ArmSummary, ...]
    plan: Plan
    results: Results
    decisions: tuple[Decision, ...] = ()
    foreseen: frozenset[str] = frozenset()
    elsewhere: tuple[OtherPlan, ...] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def expansion(self) -> Expansion:
        """The study's arms and trials."""
        return self.prepared.expansion

    @property
    def study(self) -> Study:
        """The study."""
        return self.expansion.study

    @property
    def stops(self) -> tuple[Stop, ...]:
        """The arms that are not continued, in the order of the looks."""
        return stops_of(self.decisions)

    @property
    def weights_of(self) -> Mapping[str, str]:
        """Arm name -> the earlier arm whose weights it evaluates; see ``Expansion``."""
        return self.expansion.weights_of

    @property
    def baseline(self) -> ArmSummary:
        """The arm every other arm is compared with."""
        return self.arms[0]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to run."""
        return self.plan.finished and not self.failures

    @property
    def statuses(self) -> tuple[TrialStatus, ...]:
        """Every trial's status."""
        return tuple(status for arm in self.arms for status in arm.statuses)

    @property
    def diverged(self) -> tuple[TrialStatus, ...]:
        """The trials that diverged."""
        return tuple(status for status in self.statuses if status.state.kind is StateKind.DIVERGED)

    def arm(self, name: str) -> ArmSummary:
        """Returns the summary of the arm called ``name``."""
        return next(arm for arm in self.arms if arm.arm.name == name)


def summarise(
    prepared: Prepared,
    store: Store,
    *,
    running: frozenset[str] = frozenset(),
    failures: Mapping[str, str] | None = None,
) -> Summary:
    """Reads a study's results and works out every arm's summary.

    Args:
        prepared: the study.
        store: where its records are.
        running: names of trials with a segment in flight.
        failures: trial name -> error, for trials that were given up.
    """
    known = standing(prepared, store, failures)
    arms = _corrected(_arms(known, running))
    floors: dict[str, float] = {}
    for result in known.results.values():
        for metrics in result.evaluations.values():
            floors.update({name: metric.floor for name, metric in metrics.items() if metric.floor is not None})
    return Summary(
        prepared=known.prepared,
        arms=tuple(arms),
        plan=known.plan,
        results=known.results,
        decisions=known.decisions,
        foreseen=known.foreseen,
        elsewhere=known.elsewhere,
        floors=floors,
        failures=dict(failures or {}),
    )


def _arms(known: Standing, running: frozenset[str]) -> list[ArmSummary]:
    expansion, results = known.prepared.expansion, known.results
    study, stops = expansion.study, {stop.arm: stop for stop in known.stops}
    arms: list[ArmSummary] = []
    for arm in expansion.arms:
        own = tuple(
            trial_status(study, results[trial.name], stops, trial.name in running)
            for trial in expansion.trials_of[arm.name]
        )
        measured = {
            images: {
                status.trial.seed: value
                for status in own
                if (value := results[status.trial.name].value(study.primary_metric, images)) is not None
            }
            for images in study.milestones
        }
        finals = {
            status.trial.seed: status.metric.value for status in own if status.is_final and status.metric is not None
        }
        difference = None if arm.is_baseline else paired_difference(finals, arms[0].finals)
        cost = count(arm.config.model, arm.config.training.mask_ratio)
        arms.append(ArmSummary(arm, cost, own, finals, measured, stops.get(arm.name), difference))
    return arms


def _corrected(arms: list[ArmSummary]) -> list[ArmSummary]:
    """Adds Holm's correction over every arm that has a test."""
    tested = [arm for arm in arms if arm.difference is not None and arm.difference.p is not None]
    adjusted = holm([arm.difference.p for arm in tested if arm.difference is not None and arm.difference.p is not None])
    by_name = {arm.arm.name: p for arm, p in zip(tested, adjusted, strict=True)}
    return [replace(arm, p_holm=by_name.get(arm.arm.name)) for arm in arms]
