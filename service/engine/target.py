"""How many lanes a run should have now."""

from __future__ import annotations

from service.engine.cluster import lanes_that_fit
from service.engine.fleet import Fleet
from service.engine.ledger import Ledger
from service.engine.sharing.member import Member


class Target:
    """How many lanes a run should have: what fits, what there is work for, what others leave.

    Args:
        ledger: the study's book-keeping.
        fleet: the lanes there are.
        member: the study among those that share the cluster; None where nobody else can be.
    """

    def __init__(self, ledger: Ledger, fleet: Fleet, member: Member | None = None) -> None:
        self._ledger, self._fleet, self._member = ledger, fleet, member

    def lanes(self) -> int:
        """Returns how many lanes there should be: one at least, unless others leave none.

        Between two rungs there is little to do for a moment; lanes that have come up are kept for what follows.
        """
        size = self._fleet.size
        if self._member is None:
            return max(1, min(lanes_that_fit(self._ledger.study.resources), max(self._wanted(), size)))
        return min(max(1, lanes_that_fit(self._ledger.study.resources)), self._member.lanes(self.useful(), size))

    def useful(self) -> int:
        """Returns how many lanes the run could keep busy now, if it had the cluster for itself."""
        return max(1, min(lanes_that_fit(self._ledger.study.resources), self._wanted()))

    def _wanted(self) -> int:
        asked = self._ledger.study.resources.lanes
        wanted = self._ledger.trainings_wanted
        return wanted if asked is None else min(asked, wanted)
