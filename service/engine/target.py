"""How many lanes a run should have now."""

from __future__ import annotations

from typing import Protocol

from service.engine.cluster import lanes_that_fit
from service.engine.fleet import Fleet
from service.engine.ledger import Ledger


class Share(Protocol):
    """What other runs on the cluster leave to this one."""

    def lanes(self, wanted: int, held: int, fits: int) -> int:
        """Returns how many lanes this run may have.

        Args:
            wanted: how many it could use.
            held: how many it has.
            fits: how many the cluster has room for, whoever uses it now.
        """
        ...


class Target:
    """How many lanes a run should have: what fits, what there is work for, what others leave.

    Args:
        ledger: the study's book-keeping.
        fleet: the lanes there are.
        share: what others leave; None leaves everything.
    """

    def __init__(self, ledger: Ledger, fleet: Fleet, share: Share | None = None) -> None:
        self._ledger, self._fleet, self._share = ledger, fleet, share

    def lanes(self) -> int:
        """Returns how many lanes there should be, one at least."""
        fits, wanted = lanes_that_fit(self._ledger.study.resources), self.wanted()
        allowed = self._share.lanes(wanted, self._fleet.size, fits) if self._share is not None else wanted
        return max(1, min(fits, wanted, allowed))

    def wanted(self) -> int:
        """Returns how many lanes the run could use.

        Between two rungs there is little to do for a moment; lanes that have come up are kept for what follows.
        """
        asked = self._ledger.study.resources.lanes
        useful = max(self._ledger.trainings_wanted, self._fleet.size)
        return useful if asked is None else min(asked, useful)
