"""A few points of a grid that is too large to run, drawn so that every value comes up about equally often."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from search_spaces.designs.columns import Column, Point

_CANDIDATES = 20
"""Points that are looked at for each one that is taken."""


def sampled(found: Sequence[Column], count: int, draw: int, reduce: Callable[[Point], Point]) -> tuple[Point, ...]:
    """Draws distinct points of a grid.

    Of points in an order that only ``draw`` decides, the next is always the one whose values have come up least often
    so far. So the effects of single axes are estimated about as well as that many points allow. The grid itself is
    never laid out, so it may be of any size.

    Args:
        found: the axes with their values.
        count: how many points; all there are where there are no more.
        draw: another number draws other points.
        reduce: takes the axes out of a point that do not exist there.
    """
    candidates: dict[str, Point] = {}
    for point in _shuffled(found, draw):
        candidates.setdefault(
            repr(sorted(point_ := dict(reduce(point)), key=str)) + repr(list(point_.values())), point_
        )
        if len(candidates) >= _CANDIDATES * count:
            break
    left, taken = list(candidates.values()), list[Point]()
    used: Counter[tuple[str, str]] = Counter()
    while left and len(taken) < count:
        best = min(left, key=lambda point: sum(used[name, repr(value)] for name, value in point.items()))
        left.remove(best)
        taken.append(best)
        used.update((name, repr(value)) for name, value in best.items())
    return tuple(taken)


def _shuffled(found: Sequence[Column], draw: int) -> Iterator[Point]:
    """Every point of the grid once, or very many of a large one, in an order that only ``draw`` decides."""
    size = math.prod(len(column.values) for column in found)
    places: Iterator[int]
    if size <= 100_000:
        places = iter(sorted(range(size), key=lambda place: _drawn(draw, place)))
    else:
        places = iter(dict.fromkeys(_drawn(draw, number) % size for number in range(100_000)))
    for place in places:
        point = {}
        for column in reversed(found):
            place, level = divmod(place, len(column.values))
            point[column.axis.name] = column.values[level]
        yield {column.axis.name: point[column.axis.name] for column in found}


def _drawn(draw: int, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{draw}:{number}".encode()).digest()[:16])
