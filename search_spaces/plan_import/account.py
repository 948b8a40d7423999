"""The account of a plan: what was understood, what was not, and what has to be settled by whoever wrote it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dit_core.errors import UserError


@dataclass(frozen=True)
class Phrase:
    """One phrase of a plan, and what it was taken to mean.

    Attributes:
        ablation: the entry it stands in.
        field: ``Ablated Part``, ``Action``, ``Replacement`` or ``Metrics``, or the label it stands under.
        text: as written; empty when the plan leaves the field out.
        meaning: what it was taken to mean.
    """

    ablation: str
    field: str
    text: str
    meaning: str

    def __str__(self) -> str:
        said = f"{self.field} {self.text!r}" if self.text else f"no {self.field}"
        return f"{self.ablation}: {said}: {self.meaning}"


@dataclass(frozen=True)
class NotUnderstood:
    """One phrase of a plan that stays out of the study.

    Attributes:
        ablation: the entry it stands in.
        field: ``Ablated Part``, ``Action``, ``Replacement`` or ``Metrics``, or the label it stands under.
        text: as written.
        reason: why.
        nearest: axes it may have meant, best first.
        follows: whether it is left out only because another phrase of its entry was not understood.
    """

    ablation: str
    field: str
    text: str
    reason: str
    nearest: tuple[str, ...] = ()
    follows: bool = False

    def __str__(self) -> str:
        hint = f" (nearest: {', '.join(self.nearest)})" if self.nearest else ""
        return f"{self.ablation}: {self.field} {self.text!r}: {self.reason}{hint}"


@dataclass(frozen=True)
class Question:
    """An entry that can be read in more than one way, or in one way that is not certain.

    Attributes:
        ablation: the entry.
        text: what is unclear, in one sentence.
        candidates: the axes that it may be about, best first.
        evidence: what speaks for each of them, in the same order.
        settle: the line that settles it when it is written into the entry.
        taken: the reading that ``--accept-guesses`` takes, in words; empty where there is none to take.
    """

    ablation: str
    text: str
    candidates: tuple[str, ...]
    evidence: tuple[str, ...]
    settle: str
    taken: str = ""

    def __str__(self) -> str:
        told = "; ".join(f"{name}: {said}" for name, said in zip(self.candidates, self.evidence, strict=True) if said)
        return f"{self.ablation}: {self.text}{f' ({told})' if told else ''}; to settle it, write {self.settle}"


class IncompletePlan(UserError):
    """A plan of which something was not understood, or has to be settled.

    Attributes:
        short: the same where everything that was not understood is shown anyway.
    """

    incomplete = True

    def __init__(self, text: str, short: str = "") -> None:
        super().__init__(text)
        self.short = short or text


class NothingUnderstood(IncompletePlan):
    """A plan of which not one ablation was understood.

    Attributes:
        not_understood: every phrase, and why.
        questions: entries that have to be settled.
        notes: sentences on what the plan says beside its ablations.
    """

    def __init__(
        self, text: str, missed: tuple[NotUnderstood, ...], questions: tuple[Question, ...], notes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(text)
        self.not_understood, self.questions, self.notes = missed, questions, notes

    def to_json(self) -> dict[str, Any]:
        """Returns the account as plain JSON data, in the fields that a preview has."""
        return {
            "study": None,
            "ready": False,
            "understood": [],
            "not_understood": [asdict(item) for item in self.not_understood],
            "questions": [asdict(item) for item in self.questions],
            "notes": list(self.notes),
            "blocker": str(self),
        }
