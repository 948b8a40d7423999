"""The contract of a sampler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from search_spaces.search_space import SearchSpec
from service.search.history import Generation, Told

FIRST = 4
"""Random proposals before anything is modelled, at least: the libraries' 10 or 20 are more than many searches have."""


class Sampler(ABC):
    """Proposes values; made anew for every question.

    Args:
        search: what to propose from, and how.
    """

    def __init__(self, search: SearchSpec) -> None:
        self.search = search

    @abstractmethod
    def propose(self, told: Sequence[Generation], count: int) -> list[dict[str, Any]]:
        """Returns the next ``count`` proposals, or fewer where there are no more, each value in its canonical form.

        Equal arguments give equal proposals.

        Args:
            told: all generations before, oldest first.
            count: how many are wanted; with 0 it only shows whether it could.

        Raises:
            UserError: it is not installed, or an option is unknown.
        """

    def canonical(self, values: dict[str, Any]) -> dict[str, Any]:
        """Returns values as they are recorded and run, in the order of the search's axes."""
        return {name: domain.canonical(values[name]) for name, domain in self.search.values.items()}


def penalty(told: Sequence[Generation]) -> float | None:
    """Returns the worst cost that was finished: what a proposal that was lost counts as, so that it is no good news.

    None before any was finished.
    """
    finished = [row.costs[0] for generation in told for row in generation if row.costs]
    return max(finished) if finished else None


def matched(asked: Sequence[dict[str, Any]], generation: Generation) -> tuple[list[Told | None], list[Told]]:
    """Finds what came of the proposals that a fresh sampler has made again.

    Args:
        asked: what it has proposed, in canonical form.
        generation: what was recorded; what could not run stands last there, whenever it was proposed.

    Returns:
        For each of ``asked`` what came of it, None where nothing like it was recorded; and what was recorded and is not
        among ``asked``, because another version of the sampler has proposed it.
    """
    left = list(generation)
    found: list[Told | None] = []
    for values in asked:
        place = next((place for place, row in enumerate(left) if dict(row.values) == values), None)
        found.append(None if place is None else left.pop(place))
    return found, left
