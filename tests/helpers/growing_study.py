"""A policy that asks for new arms, something that proposes them, and a small study to do so in."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from finished_study import tiny_study

from dit_core.identity import digest
from search_spaces.expand import expand
from search_spaces.types import Expansion, Proposal
from service.engine import run_segments
from service.policies.contract import Decisions, Proposals
from service.policies.rungs import Rungs
from service.preflight import Prepared, prepare
from service.records.proposals import Question
from service.records.results import Results
from service.records.store import Store

STUDY = tiny_study(
    ablations=[{"axis": "patch_size", "values": [4]}, {"axis": "block", "values": ["adaln"]}],
    seeds=[0],
    rungs=[64, 128, 192],
)
GOOD = Proposal({"patch_size": 8}, reason="larger patches are cheaper")
BAD = Proposal({"patch_size": 3}, name="impossible")
"""3 does not divide the 8 pixels of a digit."""


class Grower(Rungs):
    """Asks for two arms once the first rung is decided."""

    name: ClassVar[str] = "grower"

    def questions(
        self, expansion: Expansion, results: Results, decisions: Decisions, proposals: Proposals
    ) -> tuple[Question, ...]:
        if "64" not in decisions or "after-64" in proposals:
            return ()
        return (Question("after-64", 2, "two arms to try after 64 images", digest(decisions["64"].saw)),)


@dataclass
class Proposing:
    """Proposes what it was given, and remembers what it was asked.

    Attributes:
        answers: what to propose, one list for each time it is asked.
        dies: kills this process instead of answering.
    """

    answers: list[Any] = field(default_factory=lambda: [[GOOD, BAD]])
    dies: bool = False
    asked: list[Question] = field(default_factory=list)

    def propose(
        self, question: Question, expansion: Expansion, results: Results, answers: Proposals
    ) -> Sequence[Proposal]:
        if self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        self.asked.append(question)
        answer: Sequence[Proposal] | Exception = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def growing(**changes: Any) -> Prepared:
    """The study, prepared, with the policy that asks."""
    prepared = prepare(expand(STUDY.model_copy(update=changes)))
    return replace(prepared, policy=Grower(Grower.Options()))


def die_when_asked(store: str) -> None:
    """Runs the study in a process that is killed when it is asked for new arms."""
    torch.set_num_threads(1)
    run_segments(growing(), Store(store), executor="local", proposer=Proposing(dies=True))
