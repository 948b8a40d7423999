"""Where a study stands by its records: what was decided, what would be, which arms were proposed, what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.analysis_plan import analysis_plan
from service.policies.contract import Plan
from service.policies.planner import foresee
from service.preflight import Prepared
from service.records.decisions import Decision, DecisionBook, OtherPlan, PlanOpened, Stop, in_order, stops_of
from service.records.proposals import Batch, ProposalBook, accepted
from service.records.results import Results, collect, collect_trial
from service.records.store import Store


@dataclass(frozen=True)
class Standing:
    """A study as its records have it.

    Attributes:
        prepared: the study, with the arms that were proposed while it ran.
        results: what is known of every trial.
        plan: what is wanted, once everything that can be decided now is.
        decisions: what was decided and, last, what would be now, in the order of the looks.
        foreseen: the looks among them that nobody has decided yet. Nothing is recorded by looking.
        elsewhere: what was decided in this study under other plans and policies.
    """

    prepared: Prepared
    results: Results
    plan: Plan
    decisions: tuple[Decision, ...] = ()
    foreseen: frozenset[str] = frozenset()
    elsewhere: tuple[OtherPlan, ...] = ()

    @property
    def stops(self) -> tuple[Stop, ...]:
        """The arms that are not continued, in the order of the looks."""
        return stops_of(self.decisions)


def books(prepared: Prepared, store: Store) -> tuple[DecisionBook, ProposalBook]:
    """Returns where a study's decisions and proposals are recorded, under its present plan and policy."""
    study, policy, plan = prepared.expansion.study, prepared.policy, analysis_plan(prepared.expansion)
    opened = PlanOpened(
        analysis_plan=prepared.plan_digest,
        primary_metric=plan.primary_metric,
        baseline=plan.baseline.model_dump(mode="json"),
        policy=policy.name,
        options=policy.recorded_options,
        confirmatory=plan.confirmatory,
        equivalence_margin=plan.equivalence_margin,
        compare_at=plan.compare_at,
    )
    decisions = DecisionBook(store.records, study.name, opened, policy.digest)
    return decisions, ProposalBook(store.records, study.name, decisions.scope)


def standing(
    prepared: Prepared, store: Store, failures: Mapping[str, str] | None = None, known: Results | None = None
) -> Standing:
    """Reads where a study stands, and writes nothing.

    Looks that could be decided and are not recorded (the driver was killed just then, another study has measured what
    was missing, or decisions were not recorded when the study ran) are shown as they would be decided.

    Args:
        prepared: the study, without what was proposed.
        store: where its records are.
        failures: trial name -> error, for trials that were given up.
        known: results that were read before; see ``collect``.
    """
    decisions, proposals = books(prepared, store)
    elsewhere = decisions.elsewhere()
    results = collect(prepared.expansion, store, prepared.train_ids, failures, known)
    batches: dict[str, Batch] = {}
    foreseen: dict[str, Decision] = {}
    while True:
        expansion = prepared.expansion
        recorded = decisions.recorded(look.name for look in prepared.policy.looks(expansion))
        planner = prepared.policy.planner(expansion, results, {**foreseen, **recorded}, batches)
        foreseen.update({decision.look: decision for decision in foresee(planner)})
        answers = [proposals.get(question) for question in planner.questions()]
        found = {batch.question.name: batch for batch in answers if batch is not None}
        if not found:
            break
        batches.update(found)
        ids = {name: identity for batch in batches.values() for name, identity in batch.train_ids.items()}
        prepared = prepared.grown(accepted(batches.values()), {**ids, **prepared.train_ids})
        for trial in prepared.expansion.trials:
            if trial.name not in results:
                failed = (failures or {}).get(trial.name)
                identity, milestones = prepared.train_ids[trial.name], prepared.expansion.study.milestones
                results[trial.name] = collect_trial(trial, store, identity, milestones, failed)
    looks = in_order(planner.decisions.values())
    new = frozenset(look for look in foreseen if look not in recorded)
    return Standing(prepared, planner.results, planner.plan, looks, new, elsewhere)
