"""The Pareto front of a search with several objectives: the proposals that no other one beats in all of them."""

from __future__ import annotations

from collections.abc import Sequence

from dit_core.metrics import direction
from search_spaces.search_space import GFLOPS
from service.analysis.search_points import Point


def front(points: Sequence[Point], objectives: Sequence[str]) -> list[Point]:
    """Returns the proposals of the front, the best in the first objective first.

    A proposal is on it when no other is at least as good in every objective and better in one. Those that lack a value
    are none of it, and nothing they would beat is taken off.

    Args:
        points: the proposals.
        objectives: what is optimised, in the order of ``Point.objectives``.
    """
    costs: dict[int, tuple[float, ...]] = {}
    for place, point in enumerate(points):
        values = [value for value in point.objectives if value is not None]
        if len(values) == len(objectives):
            costs[place] = tuple(_cost(name, value) for name, value in zip(objectives, values, strict=True))
    found = [
        place
        for place, own in costs.items()
        if not any(_beats(other, own) for at, other in costs.items() if at != place)
    ]
    return [points[place] for place in sorted(found, key=lambda place: (costs[place], place))]


def _beats(other: tuple[float, ...], own: tuple[float, ...]) -> bool:
    return other != own and all(a <= b for a, b in zip(other, own, strict=True))


def _cost(objective: str, value: float) -> float:
    return value if objective == GFLOPS else direction.cost(objective, value)
