"""Arms that were asked for while a study ran: in batches that are recorded once and never change.

Layout::

    studies/<study>/proposals/<plan>-<policy>/<question>.json   one batch

The folder is named as the one of the decisions is: another plan or policy asks anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from dit_core.identity import digest
from search_spaces.types import Proposal
from service.records.decisions import check_name
from service.records.envelope import Record
from service.records.records import Records


@dataclass(frozen=True)
class Question:
    """What a policy asks for: new arms.

    Attributes:
        name: unique among the policy's questions in a study, e.g. ``after-12800``; names the record of the answer.
        count: how many proposals are wanted.
        purpose: one sentence for people.
        asked_with: digest of what was known when it was asked; empty while that is not known yet: then only an answer
            that is recorded already counts.
    """

    name: str
    count: int
    purpose: str
    asked_with: str

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def ready(self) -> bool:
        """Whether it can be asked now."""
        return bool(self.asked_with)


@dataclass(frozen=True)
class Refusal:
    """A proposal that cannot run.

    Attributes:
        proposal: what was proposed.
        why: the mistake in it, one sentence.
    """

    proposal: Proposal
    why: str


class Batch(Record):
    """The answer to a question.

    Attributes:
        question: what was asked.
        accepted: what was proposed and can run, in order.
        refused: what was proposed and cannot.
        train_ids: trial name -> identity of its weights, for the trials that the accepted ones add.
    """

    kind: ClassVar[str] = "proposals"

    question: Question
    accepted: tuple[Proposal, ...] = ()
    refused: tuple[Refusal, ...] = ()
    train_ids: dict[str, str] = Field(default_factory=dict)


def short(arm: str) -> str:
    """Returns an arm's name as it may stand in the name of a question."""
    return digest(arm)[:12]


def accepted(batches: Iterable[Batch]) -> tuple[Proposal, ...]:
    """Returns the proposals that can run, in the order of the batches."""
    return tuple(proposal for batch in batches for proposal in batch.accepted)


class ProposalBook:
    """The batches of one study under one plan and policy.

    Args:
        records: where records lie.
        study: the study's name.
        scope: name of the folder: that of the decisions.
    """

    def __init__(self, records: Records, study: str, scope: str) -> None:
        self._records, self._folder = records, f"studies/{study}/proposals/{scope}/"

    def put(self, batch: Batch) -> Batch:
        """Records a batch and returns the one that stands: the first that answered the question.

        Raises:
            OSError: it cannot be written.
        """
        return self._records.put(self._key(batch.question), batch).content

    def get(self, question: Question) -> Batch | None:
        """Returns the answer to a question, None where there is none yet."""
        found = self._records.once(self._key(question), Batch)  # a damaged one is asked for again, and lies beside it
        return None if found is None else found.content

    def _key(self, question: Question) -> str:
        return f"{self._folder}{question.name}.json"
