"""Answers what an arm has got by tuning, from what the study that tunes has measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.search_space import Proposing
from search_spaces.tuned import QUESTION
from search_spaces.tuning import tuning_study
from search_spaces.types import Candidate, Expansion, Proposal
from service.analysis.numbers import plural
from service.analysis.standing import Standing, standing
from service.preflight import Prepared, prepare
from service.records.proposals import Batch, Question, short
from service.records.results import Results
from service.records.store import Store
from service.tuning.candidates import best, candidates


def tuning_of(prepared: Prepared) -> Prepared:
    """Returns the study in which a study's arms are tuned, checked and named; its data sets are those of the study."""
    return prepare(expand(tuning_study(prepared.expansion.study)), prepared.datasets)


def tuning_proposer(prepared: Prepared, store: Store) -> TuningProposer | None:
    """Returns what answers a study's questions for tuned arms; None where it tunes none."""
    return None if prepared.expansion.study.tune is None else TuningProposer(prepared, store)


class TuningProposer:
    """Proposes every arm with its own best values.

    Args:
        prepared: the study.
        store: where its records and those of the study that tunes are.
    """

    def __init__(self, prepared: Prepared, store: Store) -> None:
        self._prepared, self._store = prepared, store
        self._known: Standing | None = None

    def propose(
        self, question: Question, expansion: Expansion, results: Results, answers: Mapping[str, Batch]
    ) -> Sequence[Proposal]:
        """Answers a question; see ``Proposer``.

        Raises:
            UserError: the tuning is not finished.
        """
        names = {f"{QUESTION}-{short(arm.name)}": arm.name for arm in expansion.asked}
        known, arm = self._finished(), names[question.name]
        study = known.prepared.expansion.study
        assert study.search is not None
        found = candidates(arm, known.prepared.expansion, known.results)
        place = best(found, study.primary_metric)
        chosen = {} if place is None or found[place].own else dict(found[place].values)
        return [Proposal(chosen, reason=_reason(found, place, study.search), arm=arm, chosen_from=found)]

    def _finished(self) -> Standing:
        if self._known is None:
            tuning = tuning_of(self._prepared)
            name = tuning.expansion.study.name
            known = standing(tuning, self._store, self._store.given_up(name))
            if not known.plan.finished:
                raise UserError(f"the tuning is not finished, which is study {name}")
            self._known = known
        return self._known


def _reason(found: Sequence[Candidate], place: int | None, search: Proposing) -> str:
    of = plural(len(found), "candidate")
    if place is None:
        return f"none of {of} was measured, so it keeps its own values"
    if found[place].own:
        return f"its own values are the best of {of}"
    told = ", ".join(f"{name} {found[place].values[name]}" for name in search.values)
    return f"{told} is the best of {of}"
