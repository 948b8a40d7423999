"""How often a policy's stops were wrong, as far as stopped arms were audited: pooled over a store's studies."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from dit_core.errors import UserError
from dit_core.metrics.direction import cost
from search_spaces.types import Expansion
from service.analysis.numbers import plural
from service.analysis.proportion import Proportion
from service.analysis.standing import books
from service.analysis.summary import Summary
from service.policies.base import Policy
from service.policies.contract import unresolved
from service.policies.questions import ablations_of
from service.preflight import Prepared
from service.records.decisions import Stop, stops_of
from service.records.results import Results, collect
from service.records.store import Store
from service.records.study_files import defined_studies
from service.restored import restore


@dataclass(frozen=True)
class Audits:
    """What audits have shown of a policy.

    Attributes:
        policy: the policy's name.
        wrong: audited arms that finished as the best of one of their ablations, of all audited arms that finished.
        open: audited arms that are still to finish.
        studies: how many studies audited arms are from.
    """

    policy: str
    wrong: Proportion
    open: int
    studies: int

    @property
    def text(self) -> str:
        """One sentence or two for people."""
        waiting = f" {plural(self.open, 'audited arm')} still to finish." if self.open else ""
        if not self.wrong.of:
            return f"Audited stops of policy {self.policy}: none has finished yet.{waiting}"
        return (
            f"Audited stops of policy {self.policy}: {self.wrong.text} of the arms that were stopped and drawn to be "
            f"finished all the same would have been the best of their ablation, over "
            f"{self.studies} {'study' if self.studies == 1 else 'studies'} of this store.{waiting}"
        )


def audits(policy: Policy, store: Store) -> Audits | None:
    """Reads every study of a store that ran under a policy with the same options, whatever share of it was audited.

    Returns:
        What the audits have shown; None where no stop was drawn to be audited.
    """
    wrong, waiting, studies = Proportion(0, 0), 0, 0
    for name in defined_studies(store):
        try:
            prepared, _ = restore(store, name)
        except UserError:  # of another version: it can be read by none of us
            continue
        if _rule(prepared.policy) != _rule(policy):
            continue
        found, left = _of_study(prepared, store)
        wrong, waiting = wrong + found, waiting + left
        studies += bool(found.of or left)
    return Audits(policy.name, wrong, waiting, studies) if studies else None


def audits_of(summary: Summary, store: Store) -> Audits | None:
    """Returns what audits have shown of a study's policy; None where neither the study nor its stops are audited."""
    policy = summary.prepared.policy
    if not policy.audit and not any(stop.audited for stop in summary.stops):
        return None
    return audits(policy, store)


def _rule(policy: Policy) -> tuple[str, int, dict[str, object]]:
    options = {name: value for name, value in policy.recorded_options.items() if name != "audit"}
    return policy.name, policy.version, options


def _of_study(prepared: Prepared, store: Store) -> tuple[Proportion, int]:
    """Wrong stops among the audited ones of a study that have finished, and how many have not."""
    decisions, _ = books(prepared, store)
    looks = (look.name for look in prepared.policy.looks(prepared.expansion))
    stops = [stop for stop in stops_of(decisions.recorded(looks).values()) if stop.audited]
    known = [stop for stop in stops if stop.arm in prepared.expansion.trials_of]
    if not known:
        return Proportion(0, 0), 0
    results = collect(prepared.expansion, store, prepared.train_ids)
    verdicts = [was_wrong(stop, prepared.expansion, results) for stop in known]
    done = [verdict for verdict in verdicts if verdict is not None]
    return Proportion(sum(done), len(done)), len(verdicts) - len(done)


def was_wrong(stop: Stop, expansion: Expansion, results: Results) -> bool | None:
    """Whether an audited arm finished as the best of one of its ablations; None while a seed is still to finish.

    It is compared with every arm of the ablation that finished, the baseline included, on the seeds that both have. An
    arm that diverged is not the best.
    """
    study = expansion.study
    if any(unresolved(results[trial.name], study.budget_images) for trial in expansion.trials_of[stop.arm]):
        return None
    own = _finals(stop.arm, expansion, results)

    def beats(other: str) -> bool:
        theirs = _finals(other, expansion, results)
        shared = [own[seed] - theirs[seed] for seed in own if seed in theirs]
        return not shared or statistics.fmean(shared) < 0

    return bool(own) and any(
        all(beats(other) for other in (expansion.baseline.name, *ablation.candidates) if other != stop.arm)
        for ablation in ablations_of(expansion)
        if stop.arm in ablation.candidates
    )


def _finals(arm: str, expansion: Expansion, results: Results) -> Mapping[int, float]:
    metric, budget = expansion.study.primary_metric, expansion.study.budget_images
    values = {trial.seed: results[trial.name].value(metric, budget) for trial in expansion.trials_of[arm]}
    return {seed: cost(metric, value) for seed, value in values.items() if value is not None and math.isfinite(value)}
