"""What is compared with what, and where in a study it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a contrast answers."""

    ARM = "arm"
    """An arm against the baseline."""
    STEP = "ladder step"
    """A step of a ladder against the step before it."""
    CONTROL = "control"
    """An arm against the baseline made as costly as that arm."""
    INTERACTION = "interaction"
    """Several changes together against what each of them alone adds up to; of a factorial whose effects are asked for,
    how much the effect of one axis changes with another's value, over all cells."""
    MAIN = "main effect"
    """One value of an axis against another, each over all cells of a factorial."""
    BESIDE = "beside"
    """An arm against another of its question: a full system, or the reference at the same outer value."""


@dataclass(frozen=True)
class Place:
    """Where a study shows a contrast.

    Attributes:
        kind: what it answers there.
        question: name of the ablation, ``Ladder`` or ``Grid``.
        label: the arm's label in that question.
    """

    kind: Kind
    question: str
    label: str


@dataclass(frozen=True)
class Contrast:
    """One comparison of a study. Each exists once, wherever it is shown.

    Attributes:
        arm: the arm that is spoken of.
        reference: the arms it is compared with; one, but for interactions and main effects, which have all others of
            their weights.
        weights: (arm, weight) of every arm that counts; they sum to 0. ``arm`` has 1, but in an effect
            over the cells of a factorial, where it is the first of the cells that count as higher.
        places: where it is shown, the first place first.
        confirmatory: whether it belongs to the family that the study named before its first trial (all do, where the
            study names none); the others are exploratory.
    """

    arm: str
    reference: tuple[str, ...]
    weights: tuple[tuple[str, float], ...]
    places: tuple[Place, ...]
    confirmatory: bool = True

    @property
    def kind(self) -> Kind:
        """What it answers where it is shown first."""
        return self.places[0].kind

    @property
    def is_effect(self) -> bool:
        """Whether it is an effect over the cells of a factorial, in which every cell has a share of the weight."""
        return abs(self.weights[0][1]) != 1 or self.kind is Kind.MAIN

    @property
    def weight_of(self) -> Mapping[str, float]:
        """Arm -> weight."""
        return dict(self.weights)

    @property
    def name(self) -> str:
        """Unique within a study, e.g. ``size=B − baseline``."""
        if self.is_effect:
            return f"{self.places[0].question}: {self.places[0].label}, {self.kind}"
        return " ".join(
            [self.arm, *(f"{'−' if weight < 0 else '+'} {_times(weight)}{arm}" for arm, weight in self.weights[1:])]
        )


def _times(weight: float) -> str:
    return "" if abs(weight) == 1 else f"{abs(weight):g} × "
