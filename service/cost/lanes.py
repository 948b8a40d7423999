"""How long lanes side by side take."""

from __future__ import annotations

import heapq
from collections.abc import Iterable


def finishing_time(trainings: Iterable[float], lanes: int) -> float:
    """Returns when the last lane is done, in seconds, if the longest training that is left always goes first.

    Args:
        trainings: seconds that one lane takes for each; one training is never on two lanes at once.
        lanes: lanes, one or more.
    """
    free = [0.0] * lanes
    for seconds in sorted(trainings, reverse=True):
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)
