"""A study's results per arm: what the report, and MLflow's description of the study, are written from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from dit_core.gflops import Cost, count
from search_spaces.study import Study
from search_spaces.types import Arm, Expansion
from service.analysis.budgets import BEFORE_A_RUNG, Budget, Compared, compared
from service.analysis.differing import with_differences
from service.analysis.evaluation_noise import evaluation_square
from service.analysis.floors import Floor, floors
from service.analysis.kept_means import means_of
from service.analysis.plan_changes import plan_changes
from service.analysis.standing import Standing, standing
from service.analysis.statistics import Spread, spread
from service.analysis.status import StateKind, TrialStatus, trial_status
from service.analysis.verdicts import study_measurements, study_verdicts
from service.policies.contract import Plan
from service.preflight import Prepared
from service.records.decisions import Decision, OtherPlan, Stop, stops_of
from service.records.results import Results
from service.records.store import Store
from service.statistics.contrast import Kind
from service.statistics.measurements import Measurements, Scale
from service.statistics.verdict import Cost as ContrastCost
from service.statistics.verdict import Verdict, Verdicts


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
        final: mean of the finished seeds, where arms are compared, as the model has it (``Fit.mean``: at equal seeds
            for all arms, so that means and differences cannot contradict each other), and their standard deviation;
            None before one has finished.
        final_at: the images at which ``final`` is; None where arms are compared at equal compute or time.
        scale: of the study's model, which says what kind of mean ``at`` takes.
    """

    arm: Arm
    cost: Cost
    statuses: tuple[TrialStatus, ...]
    finals: Mapping[int, float]
    measured: Mapping[int, Mapping[int, float]]
    stop: Stop | None = None
    final: Spread | None = None
    final_at: int | None = None
    scale: Scale = "identity"

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
    def without_result(self) -> str:
        """Why it has no final result, as a clause; empty where it has one."""
        if self.finals:
            return ""
        if self.diverged:
            return "diverged"
        if self.ended_early and self.stop is not None:
            return f"stopped at {self.stop.images:,} images"
        if any(status.state.kind is StateKind.FAILED for status in self.statuses):
            return "failed and given up"
        return "not finished"

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
        """Mean and spread over the seeds measured at ``images``; of ``final`` where that is from there."""
        if self.final is not None and images == self.final_at:
            return self.final
        return spread(list(self.measured.get(images, {}).values()), self.scale)


_JUDGED: dict[str, tuple[object, Verdicts]] = {}
"""Study -> what its verdicts were last computed from, and these."""


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
        floors: what held-out images score, by metric, where it was measured.
        failures: trial name -> error of trials that were given up.
        compared: the values that arms are compared on, and where they are: at equal images, or what the study names.
        measured: the same values, as the model of arms and seeds is fitted to them.
        changes: what was changed after the study had begun, a sentence each.
        device_seconds: arm -> what all its seeds cost; empty where nobody has added it up.
        judged: the verdicts, where they are those of more arms than are here; None where they follow from ``arms``.
    """

    prepared: Prepared
    arms: tuple[ArmSummary, ...]
    plan: Plan
    results: Results
    compared: Compared
    measured: Measurements
    decisions: tuple[Decision, ...] = ()
    foreseen: frozenset[str] = frozenset()
    elsewhere: tuple[OtherPlan, ...] = ()
    floors: Mapping[str, Floor] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    device_seconds: Mapping[str, float] = field(default_factory=dict)
    judged: Verdicts | None = None

    @cached_property
    def verdicts(self) -> Verdicts:
        """What the study says of everything that it compares; computed once, and shown by everything else."""
        if self.judged is not None:
            return self.judged
        metric = self.study.primary_metric
        values = self.compared.values
        missing = {
            arm.arm.name: arm.without_result or BEFORE_A_RUNG for arm in self.arms if not values.get(arm.arm.name)
        }
        lost = [
            f"{status.trial.name} diverged and has no final result: {arm.arm.name}'s mean is over its other seeds, "
            "which makes it look better than it is."
            for arm in self.arms
            for status in arm.statuses
            if arm.finals and status.state.kind is StateKind.DIVERGED
        ]
        noted = [self.compared.note] if self.compared.note else []
        evaluation = evaluation_square(self.expansion, self.compared.values, self.measured.scale)
        said = (*self.changes, *lost, *noted)
        # who follows a run asks every few seconds, and with hundreds of arms judging takes seconds
        asked = (self.study, [arm.arm.name for arm in self.arms], values, metric, missing, said, evaluation)
        known = _JUDGED.get(self.study.name)
        if known is None or known[0] != asked:
            keep = self.finished or not self.measured.values
            found = study_verdicts(self.expansion, self.measured, metric, missing, said, evaluation, keep=keep)
            known = _JUDGED[self.study.name] = asked, with_differences(found, self.expansion)
        return self._priced(known[1])

    def _priced(self, verdicts: Verdicts) -> Verdicts:
        """Adds what the arms cost, and what more seeds of all of them would."""
        seconds = self.device_seconds
        if not seconds:
            return verdicts
        seeds = {arm.arm.name: sum(status.images > 0 for status in arm.statuses) for arm in self.arms}
        gflops = {arm.arm.name: arm.cost.gmacs for arm in self.arms}
        costs = {
            verdict.contrast.name: ContrastCost(seconds[arm], seconds[reference], gflops[arm], gflops[reference])
            for verdict in verdicts.verdicts
            for arm, reference in ((verdict.contrast.arm, verdict.contrast.reference[0]),)
            if verdict.contrast.kind not in (Kind.INTERACTION, Kind.MAIN)
        }
        return verdicts.priced(sum(spent / max(1, seeds[arm]) for arm, spent in seconds.items()), costs)

    def difference(self, arm: str) -> Verdict | None:
        """Returns an arm's verdict against the baseline, where it has a difference; None for the baseline, too."""
        verdict = self.verdicts.of(arm)
        return None if verdict is None or verdict.difference is None else verdict

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
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, ArmSummary]:
        return {arm.arm.name: arm for arm in self.arms}


def summarise(
    prepared: Prepared,
    store: Store,
    *,
    running: frozenset[str] = frozenset(),
    failures: Mapping[str, str] | None = None,
    known: Results | None = None,
) -> Summary:
    """Reads a study's results and works out every arm's summary.

    Args:
        prepared: the study.
        store: where its records are.
        running: names of trials with a segment in flight.
        failures: trial name -> error, for trials that were given up.
        known: results that were read before; see ``collect``.
    """
    stands = standing(prepared, store, failures, known)
    arms = _arms(stands, running)
    values = compared(arms, stands.prepared.expansion.study, store)
    measured = study_measurements(stands.prepared.expansion, values.values)
    finished = stands.plan.finished and not failures
    means = means_of(measured, stands.prepared.expansion.baseline.name, keep=finished).means
    final_at = stands.prepared.expansion.study.budget_images if values.budget is Budget.IMAGES else None
    arms = [
        replace(
            arm,
            final=_final(means.get(arm.arm.name), values.values.get(arm.arm.name, {})),
            final_at=final_at,
            scale=measured.scale,
        )
        for arm in arms
    ]
    return Summary(
        prepared=stands.prepared,
        arms=tuple(arms),
        plan=stands.plan,
        results=stands.results,
        compared=values,
        measured=measured,
        decisions=stands.decisions,
        foreseen=stands.foreseen,
        elsewhere=stands.elsewhere,
        floors=floors(stands.results.values()),
        failures=dict(failures or {}),
        changes=plan_changes(store, stands.prepared.expansion.study, prepared.plan_digest),
    )


def _arms(known: Standing, running: frozenset[str]) -> list[ArmSummary]:
    expansion, results = known.prepared.expansion, known.results
    study, stops = expansion.study, {stop.arm: stop for stop in known.stops}
    arms: list[ArmSummary] = []
    for arm in expansion.arms:
        own = tuple(
            trial_status(study, results[trial.name], stops, trial.name in running, known.plan.finished)
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
        cost = count(arm.config.model, arm.config.training.mask_ratio)
        arms.append(ArmSummary(arm, cost, own, finals, measured, stops.get(arm.name)))
    return arms


def _final(mean: float | None, values: Mapping[int, float]) -> Spread | None:
    plain = spread([value for value in values.values() if math.isfinite(value)], "identity")
    return None if mean is None or plain is None else Spread(plain.n, mean, plain.sd)
