"""The device-hours that studies of agents have taken and may still take, against the one cap for all of them."""

from __future__ import annotations

import contextlib

from dit_core.errors import UserError
from service.agents.handles import Handle, Handles
from service.analysis.standing import standing
from service.cost.limits import HOUR
from service.cost.spent import spent_before
from service.plugins import use_recorded
from service.records.store import Store
from service.records.study_files import is_defined
from service.restored import restore


class Spending:
    """What the studies of agents have taken.

    Args:
        store: where their records are; None where it cannot be seen from here.
        handles: the studies that agents have started.
    """

    def __init__(self, store: Store | None, handles: Handles) -> None:
        self._store, self._handles = store, handles

    def of(self, study: str, cap: float | None) -> tuple[float, float | None]:
        """Returns the device-hours that a study's runs have taken, and those of the cap that are left for it.

        Args:
            study: its name.
            cap: device-hours of all studies of agents together; None for any, of which any are left.
        """
        if cap is None:
            return 0.0, None
        others = sum(self._held(handle) for handle in self._handles.all() if handle.study != study)
        spent = self._spent(study)
        return spent, max(0.0, cap - others - (spent - self.before(study, spent)))

    def before(self, study: str, spent: float) -> float:
        """Returns the device-hours that a study's runs had taken before an agent started it first."""
        handle = self._handles.of(study)
        return spent if handle is None else handle.before

    def _held(self, handle: Handle) -> float:
        """What a started study takes of the cap: while it may run all that it may take, then what it has taken."""
        unseen = handle.job is not None and (self._store is None or not is_defined(self._store, handle.study))
        if handle.hours is not None and (handle.lives or unseen):
            return handle.hours - handle.before
        return max(0.0, self._spent(handle.study) - handle.before)

    def _spent(self, study: str) -> float:
        store = self._store
        if store is None or not is_defined(store, study):
            return 0.0
        with contextlib.suppress(UserError):  # another version's study, whose runs are not an agent's
            use_recorded(store, study)
            prepared, _ = restore(store, study)
            known = standing(prepared, store)
            return spent_before(known.prepared.expansion, store, known.results) / HOUR
        return 0.0
