"""Asking for new arms while a study runs, and checking what is proposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from dit_core.errors import UserError
from search_spaces.types import Expansion, Proposal
from service.preflight import Prepared
from service.records.proposals import Batch, Question, Refusal
from service.records.results import Results


class Proposer(Protocol):
    """Whatever proposes new arms, such as a search.

    It need not be a function of its arguments: what it proposes is recorded, and a question is asked once.
    """

    def propose(
        self, question: Question, expansion: Expansion, results: Results, answers: Mapping[str, Batch]
    ) -> Sequence[Proposal]:
        """Answers a question.

        Args:
            question: what is asked, and for how many arms.
            expansion: the study, with the arms proposed so far.
            results: what is known of every trial.
            answers: the questions answered so far, oldest first, with what was refused.

        Returns:
            Proposals; those beyond ``question.count`` are left out. None at all is an answer, too.
        """
        ...


def checked(prepared: Prepared, before: tuple[Proposal, ...], question: Question, given: Sequence[Proposal]) -> Batch:
    """Makes a batch of what was proposed: each proposal is tried, and one whose arm cannot run is refused.

    Args:
        prepared: the study, with the arms proposed so far.
        before: the proposals that those arms come from.
        question: what was asked.
        given: what was proposed.
    """
    asked = tuple(replace(item, question=question.name) for item in given[: question.count])
    accepted, refused = asked, tuple[Refusal, ...]()
    try:
        grown = prepared.grown((*before, *asked))  # all at once: a study is spelled out anew each time
    except UserError:
        accepted, refused = _sorted_out(prepared, before, asked)
        grown = prepared.grown((*before, *accepted))
    train_ids = {name: ident for name, ident in grown.train_ids.items() if name not in prepared.train_ids}
    return Batch(question=question, accepted=accepted, refused=refused, train_ids=train_ids)


def _sorted_out(
    prepared: Prepared, before: tuple[Proposal, ...], asked: tuple[Proposal, ...]
) -> tuple[tuple[Proposal, ...], tuple[Refusal, ...]]:
    """Tries proposals one by one; returns those that can run, and why the others cannot."""
    accepted: list[Proposal] = []
    refused: list[Refusal] = []
    for proposal in asked:
        try:
            prepared.grown((*before, *accepted, proposal))
        except UserError as error:
            refused.append(Refusal(proposal, str(error)))
        else:
            accepted.append(proposal)
    return tuple(accepted), tuple(refused)
