"""Main effects and interactions of two axes, over all cells of a factorial whose effects are asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from search_spaces.types import AblationView
from service.statistics.contrast import Kind, Place

Weights = tuple[tuple[str, float], ...]
Sides = frozenset[frozenset[str]]


def effects(view: AblationView) -> Iterator[tuple[Place, Weights]]:
    """Yields a factorial's effects as contrasts of its cells; nothing for any other question.

    A main effect is the mean over the cells with a value less that over the cells with the reference value of the axis.
    An interaction of two axes with two values each is how much the effect of one changes with the other's value. In a
    fraction, effects that cannot be told from a main effect or from one another are yielded once, as the first.
    """
    if not view.references:
        return
    axes = view.axis.split(", ")
    levels = [tuple(dict.fromkeys(cell[place] for cell in view.cells.values())) for place in range(len(axes))]
    taken: set[Sides] = set()
    for place, (axis, reference) in enumerate(zip(axes, view.references, strict=True)):
        for level in levels[place]:
            if level != reference:
                weights = _main(view, place, level, reference)
                taken.add(_sides(weights))
                yield Place(Kind.MAIN, view.name, f"{axis}={level}"), weights
    for one, other in itertools.combinations(range(len(axes)), 2):
        if len(levels[one]) == len(levels[other]) == 2:
            weights = _pair(view, one, other)
            if _sides(weights) not in taken:
                taken.add(_sides(weights))
                yield Place(Kind.INTERACTION, view.name, f"{axes[one]} x {axes[other]}"), weights


def _main(view: AblationView, place: int, level: str, reference: str) -> Weights:
    high = [arm for arm, cell in view.cells.items() if cell[place] == level]
    low = [arm for arm, cell in view.cells.items() if cell[place] == reference]
    return (*((arm, 1 / len(high)) for arm in high), *((arm, -1 / len(low)) for arm in low))


def _pair(view: AblationView, one: int, other: int) -> Weights:
    def sign(cell: tuple[str, ...]) -> int:
        return 1 if (cell[one] == view.references[one]) == (cell[other] == view.references[other]) else -1

    share = 4 / len(view.cells)
    signed = sorted(((arm, sign(cell) * share) for arm, cell in view.cells.items()), key=lambda pair: -pair[1])
    return tuple(signed)


def _sides(weights: Weights) -> Sides:
    """The cells on either side of a contrast: those of one that cannot be told from it are the same."""
    sides = (frozenset(arm for arm, weight in weights if (weight > 0) == higher) for higher in (True, False))
    return frozenset(sides)
