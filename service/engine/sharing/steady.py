"""From what a study should have to what it has: lanes follow a difference only once it has stood for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from service.engine.sharing.standing import Standing
from service.engine.sharing.words import named


@dataclass(frozen=True)
class Patience:
    """How long a difference must stand before lanes follow it, in seconds.

    A lane that is given up costs its study a checkpoint, and whoever starts one 15 to 40 s until it trains.

    Attributes:
        fewer: before lanes are given up.
        more: before lanes are started beside others; the first one is started at once.
    """

    fewer: float = 15.0
    more: float = 3.0


class Steady:
    """How many lanes a study should have from one moment to the next.

    Lanes that are not wanted any more are kept while nobody else needs their room, since the next rung may want them
    again. None is started before there is room for it beside what others still hold.

    Args:
        patience: how long differences must stand.
        clock: seconds that only grow.

    Attributes:
        why: why the newest answer is not what the study has.
    """

    def __init__(self, patience: Patience, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = patience, clock
        self._differs: tuple[bool, float] | None = None  # whether fewer, and since when
        self.why = ""

    def lanes(self, standing: Standing, now: int) -> int:
        """Returns the lanes that the study should have.

        Args:
            standing: where it stands.
            now: the lanes that it has.
        """
        self.why = ""
        if standing.share < now and standing.short:
            target, why = standing.share, f"{named(standing.short)} should have more"
        elif standing.startable > now:
            target, why = standing.startable, "there is room for it"
        else:
            self._differs = None
            return now
        fewer, moment = target < now, self._clock()
        if self._differs is None or self._differs[0] != fewer:
            self._differs = (fewer, moment)
        stands = self._patience.fewer if fewer else self._patience.more if now else 0.0
        if moment - self._differs[1] < stands:
            return now
        self._differs, self.why = None, why
        return target
