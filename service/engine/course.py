"""The policy's part in a run: decisions are recorded before they count, questions are answered, the study grows."""

from __future__ import annotations

from search_spaces.types import Expansion, Proposal
from service.analysis.standing import books
from service.engine.proposer import Proposer, checked
from service.policies.planner import Planner
from service.preflight import Prepared
from service.records.decisions import Decision, Stop, stops_of
from service.records.proposals import Batch, Question, accepted
from service.records.results import Results, TrialResult, collect, collect_trial
from service.records.store import Store


class Course:
    """What a policy wants of a study that is being run.

    Making one reads what was decided and proposed, and writes nothing; ``advance`` decides and asks.

    Args:
        prepared: the study, without what was proposed.
        store: where its records are.
        proposer: answers the policy's questions; None leaves those open that have no recorded answer.

    Attributes:
        prepared: the study, with the arms proposed so far.
        planner: the policy's plan.
        stops: arms that are not continued, in the order of the looks.
        messages: what a person should know, oldest first.
    """

    def __init__(self, prepared: Prepared, store: Store, proposer: Proposer | None = None) -> None:
        self.prepared, self._store, self._proposer = prepared, store, proposer
        self.messages: list[str] = []
        self._decisions, self._proposals = books(prepared, store)
        self._batches: dict[str, Batch] = {}
        self._unanswered: set[str] = set()
        self.planner = self._plan(collect(prepared.expansion, store, prepared.train_ids), {})
        while self._grow([found for item in self.planner.questions() if (found := self._proposals.get(item))]):
            pass
        self.stops: tuple[Stop, ...] = stops_of(self.planner.decisions.values())

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
                    self.planner.record(self._decisions.put(decision))
                self.stops = stops_of(self.planner.decisions.values())
            answers = [self._answer(question) for question in self.planner.questions()]
            if not self._grow([batch for batch in answers if batch is not None]):
                return grown
            grown = True

    def _plan(self, results: Results, decisions: dict[str, Decision]) -> Planner:
        policy, expansion = self.prepared.policy, self.prepared.expansion
        recorded = self._decisions.recorded(look.name for look in policy.looks(expansion))
        return policy.planner(expansion, results, {**decisions, **recorded}, self._batches)

    def _answer(self, question: Question) -> Batch | None:
        recorded = self._proposals.get(question)
        if recorded is not None or question.name in self._unanswered:
            return recorded
        if self._proposer is None:
            self._leave_open(question, "nothing proposes any")
            return None
        try:
            given = self._proposer.propose(question, self.expansion, self.results)
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
            results[trial.name] = known or collect_trial(trial, self._store, self.prepared.train_ids[trial.name])
        self.planner = self._plan(results, self.planner.decisions)
        return True
