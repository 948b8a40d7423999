"""A study while it runs: what is known of it, what was decided before it counts, and the arms it has grown by."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from dit_core.identity import sampling
from search_spaces.types import Expansion, Proposal, Trial
from service.analysis.standing import books
from service.analysis.status import TrialStatus, trial_status
from service.engine.proposer import Proposer, checked
from service.policies.planner import Planner
from service.preflight import Prepared
from service.records.decisions import Decision, Stop, stops_of
from service.records.proposals import Batch, Question, accepted
from service.records.results import Results, TrialResult, collect, collect_trial
from service.records.store import Store


class Course:
    """What is known of a study that is being run, and what its policy makes of that.

    Making one reads what was decided and proposed, and writes nothing; ``advance`` decides and asks.

    Args:
        prepared: the study, without what was proposed.
        store: where its records are.
        proposer: answers the policy's questions; None leaves those open that have no recorded answer.

    Attributes:
        prepared: the study, with the arms proposed so far.
        planner: the policy's plan.
        failed: trial name -> error, for the trials given up in this run.
        seeds: the first so many seeds of the study are planned; None for all.
        stops: arms that are not continued, in the order of the looks.
        messages: what a person should know, oldest first.
    """

    def __init__(self, prepared: Prepared, store: Store, proposer: Proposer | None = None) -> None:
        self.prepared, self._store, self._proposer = prepared, store, proposer
        self.messages: list[str] = []
        self.failed: dict[str, str] = {}
        self.seeds: int | None = None
        self._decisions, self._proposals = books(prepared, store)
        self._batches: dict[str, Batch] = {}
        self._unanswered: set[str] = set()
        self.planner = self._plan(collect(prepared.expansion, store, prepared.train_ids), {})
        while self._grow([found for item in self.planner.questions() if (found := self._proposals.get(item))]):
            pass
        self.stops: tuple[Stop, ...] = stops_of(self.planner.decisions.values())
        self._lay_out()

    @property
    def expansion(self) -> Expansion:
        """The study's arms and trials, with those proposed so far."""
        return self.prepared.expansion

    @property
    def results(self) -> Results:
        """What is known of every trial."""
        return self.planner.results

    def advance(self) -> bool:
        """Decides what can be decided and has questions answered, each recorded before it counts.

        Returns:
            Whether the study has got new arms; ``planner`` is another one then.
        """
        grown = False
        while True:
            while due := self.planner.due():
                for decision in due:
                    self._take_decision(self._decisions.put(decision))
            answers = [self._answer(question) for question in self.planner.questions()]
            if not self._grow([batch for batch in answers if batch is not None]):
                return grown
            self._lay_out()
            grown = True

    def read(self, trial: Trial) -> None:
        """Reads a trial's records anew; they may say something of other trials that have its weights, too."""
        result = self._collect(trial)
        self._take(result)
        for other in self._sharing[self.prepared.train_ids[trial.name]]:
            if other.name == trial.name:
                continue
            if self._measured_as(other) == self._measured_as(trial):
                self._take(self._collect(other))
            elif result.diverged != self.results[other.name].diverged:
                self._take(replace(self.results[other.name], diverged=result.diverged))

    def give_up(self, trial: str, error: str) -> None:
        """Leaves a trial out for the rest of this run."""
        self.failed[trial] = error
        self._take(replace(self.results[trial], failed=error))

    def plan_seeds(self, count: int) -> None:
        """Plans the first so many seeds of the study, as if it had no others; more may be taken in later."""
        self.seeds = count
        self.planner = self._plan(self.results, dict(self.planner.decisions))

    def within(self, seeds: int) -> Expansion:
        """Returns the study with the first so many of its seeds only."""
        study = self.expansion.study
        return replace(self.expansion, study=study.model_copy(update={"seeds": study.seeds[:seeds]}))

    def statuses(self, running: frozenset[str] = frozenset()) -> list[TrialStatus]:
        """Returns every trial's status, in the study's order; ``running`` are those with a segment in flight."""
        found = dict(self._statuses)  # thousands of trials, of which a few run
        for name in running:
            if name in found:
                found[name] = self._while_running.get(name) or self._status(name, True)
                self._while_running[name] = found[name]
        return list(found.values())

    # -- what is known ----------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Works out what depends on the study's arms; done anew when it has got some."""
        self._sharing: defaultdict[str, list[Trial]] = defaultdict(list)
        for trial in self.expansion.trials:
            self._sharing[self.prepared.train_ids[trial.name]].append(trial)
        self._measures: dict[str, Any] = {}
        self._stop_of = {stop.arm: stop for stop in self.stops}
        self._statuses = {trial.name: self._status(trial.name) for trial in self.expansion.trials}
        self._while_running: dict[str, TrialStatus] = {}

    def _collect(self, trial: Trial) -> TrialResult:
        return collect_trial(
            trial,
            self._store,
            self.prepared.train_ids[trial.name],
            self.expansion.study.milestones,
            self.failed.get(trial.name),
        )

    def _take(self, result: TrialResult) -> None:
        if result.trial.name in self._planned:
            self.planner.update(result)
        else:
            self.planner.results[result.trial.name] = result
        self._stand_anew(result.trial.name)

    def _take_decision(self, decision: Decision) -> None:
        self.planner.record(decision)
        self.stops = stops_of(self.planner.decisions.values())
        self._stop_of = {stop.arm: stop for stop in self.stops}
        for stop in decision.stops:
            for trial in self.expansion.trials_of.get(stop.arm, ()):
                self._stand_anew(trial.name)

    def _stand_anew(self, trial: str) -> None:
        """Works out where a trial stands; looked at twice a second, it seldom stands elsewhere than before."""
        self._statuses[trial] = self._status(trial)
        self._while_running.pop(trial, None)

    def _status(self, trial: str, running: bool = False) -> TrialStatus:
        return trial_status(self.expansion.study, self.results[trial], self._stop_of, running)

    def _measured_as(self, trial: Trial) -> Any:
        """What decides which of the records of its weights are a trial's."""
        if trial.arm.name not in self._measures:
            self._measures[trial.arm.name] = (sampling(trial.config), trial.config.data.vae)
        return self._measures[trial.arm.name]

    # -- what is asked ----------------------------------------------------------------------------

    def _plan(self, results: Results, decisions: dict[str, Decision]) -> Planner:
        policy = self.prepared.policy
        expansion = self.expansion if self.seeds is None else self.within(self.seeds)
        self._planned = frozenset(trial.name for trial in expansion.trials)
        recorded = self._decisions.recorded(look.name for look in policy.looks(expansion))
        return policy.planner(expansion, results, {**decisions, **recorded}, self._batches)

    def _answer(self, question: Question) -> Batch | None:
        recorded = self._proposals.get(question)
        if recorded is not None or question.name in self._unanswered or not question.ready:
            return recorded
        if self._proposer is None:
            self._leave_open(question, "nothing proposes any")
            return None
        try:
            given = self._proposer.propose(question, self.expansion, self.results, dict(self._batches))
        except Exception as error:  # a search that fails must not take the trials with it
            self._leave_open(question, f"{type(error).__name__}: {error}")
            return None
        return self._proposals.put(checked(self.prepared, self._proposed, question, given))

    def _leave_open(self, question: Question, why: str) -> None:
        self._unanswered.add(question.name)
        self.messages.append(f"the policy asks for new arms ({question.purpose}) and gets none: {why}")

    @property
    def _proposed(self) -> tuple[Proposal, ...]:
        return accepted(self._batches.values())

    def _grow(self, batches: list[Batch]) -> bool:
        """Takes answers; returns whether there were any."""
        for batch in batches:
            self._batches[batch.question.name] = batch
            for refusal in batch.refused:
                self.messages.append(f"a proposal was refused: {refusal.why}")
        if not batches:
            return False
        self.prepared = self.prepared.grown(self._proposed)
        results: dict[str, TrialResult] = {}
        for trial in self.expansion.trials:
            known = self.results.get(trial.name)
            results[trial.name] = known or self._collect(trial)
        self.planner = self._plan(results, self.planner.decisions)
        return True
